"""The command line of Sanso: it knows the API alone, and is installed without the portal."""

VERSION = "0.1.0"
"""As in pyproject.toml."""
