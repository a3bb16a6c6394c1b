"""Whether a network allows a connection, and which rule or route is missing; decided without a call."""
