"""Responses to browsers, through Django's test client."""
