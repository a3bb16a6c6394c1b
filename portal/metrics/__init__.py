"""Metrics for Prometheus: what is counted, and who may read it. docs/metrics.md lists them."""
