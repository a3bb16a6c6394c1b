"""Tests of booted machines: a single one, and the instances of a sandbox."""
