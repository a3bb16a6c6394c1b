"""The restore drills on the *Database* tab: the latest ones, and the next one by schedule."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.health.models.reads import databases_in_use
from deployments.restore_drills.models import SHOWN, RestoreDrill


def drills_context(environment: Environment) -> dict[str, Any]:
    """Return the latest drills, the databases that can be drilled, and whether the next one is due."""
    next_at = environment.next_drill_at
    return {
        "drills": list(RestoreDrill.objects.of(environment)[:SHOWN]),
        "drilled": databases_in_use(environment),
        "drill_is_due": next_at is not None and next_at <= timezone.now(),
    }


def failed_drill(environment: Environment) -> RestoreDrill | None:
    """Return the failed drill that is a problem of an environment now."""
    if environment.drill_failed_at is None or environment.is_gone:
        return None
    return RestoreDrill.objects.of(environment).failed().first()
