"""Tests that input of any kind is accepted, or rejected with an explanation, without a server error."""
