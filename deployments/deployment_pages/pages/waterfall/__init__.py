"""The waterfall of a deployment: stacks, resources and servers as rows on a time axis."""
