"""Event streams: which viewers watch which deployment, and how they are notified. No HTML here."""
