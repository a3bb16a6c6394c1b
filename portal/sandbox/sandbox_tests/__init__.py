"""The sandbox's own tests, which need nothing of the portal, and what both need to start servers."""
