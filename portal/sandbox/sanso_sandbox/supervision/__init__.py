"""Child processes: started, monitored, ended with their parent.

portal/supervisor works differently. It restarts programs, limits their logs, and has one process that ends
all of them, keeps the data folder locked until then, and finds remaining ones by a mark in their environment.
Programs of the sandbox may have no environment, and separate namespaces: each has a process that ends it, and
their parent finds remaining processes.
"""
