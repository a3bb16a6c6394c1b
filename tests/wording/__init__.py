"""Tests of the texts of message codes."""
