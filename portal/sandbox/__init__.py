"""The sandbox: an AWS on this machine, in a process of its own, that the portal can be tried on without an account."""
