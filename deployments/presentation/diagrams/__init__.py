"""The architecture diagram of an environment: content, layout and SVG."""
