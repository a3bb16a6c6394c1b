"""Decisions about plain values."""
