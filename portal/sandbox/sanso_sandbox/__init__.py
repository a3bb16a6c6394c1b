"""The sandbox: AWS's services on this machine in a separate process, to try the portal without an account."""
