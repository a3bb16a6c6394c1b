"""Booted machines of `manage.py run`."""
