"""Event streams: the viewers of each deployment and their notification. No HTML here."""
