"""Releases to running servers, with AWS in memory."""
