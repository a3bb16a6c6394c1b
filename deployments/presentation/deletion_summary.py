"""What the deletion of an environment deletes, as far as is known."""

from __future__ import annotations

from collections import Counter

from deployments.core.status import DELETED
from deployments.models import Environment, Resource
from deployments.models.stack import STACK_TYPE


def deletion_summary(environment: Environment) -> dict[str, object]:
    """Return how many resources of each type and how many stacks exist (one query)."""
    statuses: dict[tuple[str, str], tuple[str, str]] = {}
    rows = Resource.objects.of_environment(environment)
    for path, logical_id, kind, status in rows.values_list("stack__path", "logical_id", "type", "status"):
        statuses[path, logical_id] = kind, status
    types = Counter(kind for kind, status in statuses.values() if status not in ("", DELETED))
    stacks = types.pop(STACK_TYPE, 0) + bool(environment.stack_id)
    return {"types": sorted(types.items()), "resources": types.total(), "stacks": stacks}
