"""Observe environments between and during deployments: each source in short steps at its own interval."""

from deployments.health.steps.observe.history import prune
from deployments.health.steps.observe.observer import ensure_observers, run_observer

__all__ = ["ensure_observers", "prune", "run_observer"]
