"""The command line of Sanso: it knows the API alone, and is installed without the portal."""
