"""The waterfall: stacks and resources as one table of rows, each with its bar on a shared time axis."""
