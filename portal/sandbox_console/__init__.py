"""The sandbox's own page: what runs in it, and what people break there on purpose."""
