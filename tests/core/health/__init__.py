"""Tests of the decisions about health."""
