"""Drills on a deployed environment: something dies under load, and what visitors see of it."""
