"""The kinds of machines behind instances: records, processes, and booted machines."""
