"""How calls to AWS are redacted, and which of them are kept: pure decisions."""
