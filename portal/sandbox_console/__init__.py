"""The sandbox's page: its state, and the injection of failures."""
