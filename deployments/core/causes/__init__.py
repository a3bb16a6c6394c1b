"""Known causes of failures: what a reason means in the user's words, and what to do next (docs/causes.md)."""
