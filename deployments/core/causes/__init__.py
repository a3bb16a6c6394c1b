"""Known causes of failures: the meaning of AWS's reason, and what to do next (docs/causes.md)."""
