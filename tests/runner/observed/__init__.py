"""Tests of observing environments."""
