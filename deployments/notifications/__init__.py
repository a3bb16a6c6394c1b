"""Messages about what happens, to chat channels, webhooks and email."""
