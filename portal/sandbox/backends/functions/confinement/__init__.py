"""Runs foreign code, such as Lambda functions, away from the portal's files, processes and keys.

modes.py finds out by trial how far this machine allows it · workspace.py starts a process that way ·
readable_paths.py lists what it may read · launcher.py is the program that confines itself and then becomes
it · kernel.py holds the system calls for that.

What is used, as far as the kernel and this process's rights go: namespaces for mounts, processes and IPC with
a root folder of their own; a user of its own where the sandbox is root, a user namespace where it is not;
Landlock; no new privileges; no capabilities; resource limits; nothing of the sandbox's environment and open
files. The network is shared: a function must reach the sandbox's API and the databases.

Why not bubblewrap, which does most of it: `make run` has to work where it is not installed, and no package on
PyPI brings it. Bindings for Landlock alone would replace forty of these lines.
"""
