"""The table (kind, state) → step, and the steps that need what several packages know."""
