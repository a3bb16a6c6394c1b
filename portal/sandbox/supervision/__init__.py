"""Child processes: started, watched, ended with their parent.

portal/supervisor has its own way. It restarts programs, limits their logs, and has one process end them all,
which keeps the data folder locked until then and finds what is left by a mark in its environment. Programs of
the sandbox may have no environment, and namespaces of their own: each has a process that ends it, and what is
left is found by its parent.
"""
