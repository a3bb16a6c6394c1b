"""Its part of the HTTP API."""
