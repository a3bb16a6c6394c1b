"""Open pages learn of new events: streams, their limits, and who may continue to listen."""
