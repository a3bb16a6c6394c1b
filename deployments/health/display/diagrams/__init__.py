"""The diagram of an environment: its components in their network, drawn as SVG."""
