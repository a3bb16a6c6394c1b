"""Whatever is sent to a boundary is taken or refused with a sentence; nothing fails on it."""
