"""Screenshots of every page and state of a running portal: `make screens`."""
