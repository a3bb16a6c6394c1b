"""Whether a connection in a VPC is possible, and which rule or route allows it. Pure."""
