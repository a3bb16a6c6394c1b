"""Decisions about plain values: no database, no network, no clock."""
