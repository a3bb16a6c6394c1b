"""Input of every kind is accepted, or rejected with an explanation; nothing fails."""
