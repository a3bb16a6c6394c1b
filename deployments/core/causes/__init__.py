"""Known causes of failures: the meaning of AWS's reasons, and the next steps (docs/causes.md)."""
