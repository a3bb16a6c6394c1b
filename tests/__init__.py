"""Tests mirror the modules they are about; what they need to run is in services.py and builders.py."""
