"""Machines that are booted: one alone, and as the instances of a sandbox."""
