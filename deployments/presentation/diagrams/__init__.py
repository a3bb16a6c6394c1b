"""The architecture diagram of an environment: layout, SVG, and what it is made from."""
