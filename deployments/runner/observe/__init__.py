"""Observe environments between and during deployments: each source in short steps at its own interval."""

from deployments.runner.observe.history import prune
from deployments.runner.observe.observer import ensure_observers, run_observer
from deployments.runner.observe.stack import observe_stack

__all__ = ["ensure_observers", "observe_stack", "prune", "run_observer"]
