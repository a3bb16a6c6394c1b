"""The sandbox: an AWS on this machine, in a process of its own, to try the portal on without an account."""
