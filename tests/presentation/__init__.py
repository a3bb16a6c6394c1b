"""Tests of what turns rows into what a page shows."""
