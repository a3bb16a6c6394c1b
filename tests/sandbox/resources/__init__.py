"""What the portal and its servers do with resources of the sandbox."""
