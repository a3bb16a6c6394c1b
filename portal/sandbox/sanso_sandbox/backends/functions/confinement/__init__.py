"""Runs foreign code, such as Lambda functions, without access to the portal's files, processes and keys.

modes.py tests the modes that this machine supports · workspace.py starts a process in a mode ·
readable_paths.py lists the paths that it may read · launcher.py confines itself and then executes the
program · kernel.py contains the system calls for this.

It uses the following, as far as the kernel and the rights of this process allow: namespaces for mounts,
processes and IPC with a separate root folder; a separate user if the sandbox is root, else a user namespace;
Landlock; no new privileges; no capabilities; resource limits; nothing of the sandbox's environment and open
files. The network is shared, since functions have to reach the sandbox's API and the databases.

Bubblewrap, which provides most of this, is not used because `make run` must work without it, and no package
on PyPI contains it. Bindings for Landlock alone would replace forty of these lines.
"""
