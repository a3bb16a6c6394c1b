"""Metrics for Prometheus: the counts, and access to them. docs/metrics.md lists them."""
