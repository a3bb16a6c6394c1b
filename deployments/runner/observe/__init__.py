"""Looking at environments: short ticks, each source of facts at its own pace, an error only its own."""

from deployments.runner.observe.history import prune
from deployments.runner.observe.observer import ensure_observers, run_observer
from deployments.runner.observe.stack import observe_stack, sandbox_facts

__all__ = ["ensure_observers", "observe_stack", "prune", "run_observer", "sandbox_facts"]
