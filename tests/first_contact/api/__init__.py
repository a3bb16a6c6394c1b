"""First contacts in the API."""
