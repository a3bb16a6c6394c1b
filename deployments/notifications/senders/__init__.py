"""One attempt to send a notification: as a webhook, or to a chat service through apprise."""
