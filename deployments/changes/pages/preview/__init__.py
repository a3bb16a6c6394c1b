"""The preview of a change: its resources, consequences, parameters and schedule."""
