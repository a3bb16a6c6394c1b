"""Tests of the pages of Django's admin."""
