"""What follows from the result of a drill: it begins or ends a problem of its environment."""

from __future__ import annotations

from datetime import datetime

from deployments.environments.models.environments import Environment
from deployments.health.models.reads import databases_in_use
from deployments.restore_drills.models import PASSED, RestoreDrill
from deployments.restore_drills.rules.result import DrillResult, is_problem


def report_result(pk: int, now: datetime) -> None:
    """Store whether the environment of a drill that has just got its result has a problem."""
    drill = RestoreDrill.objects.select_related("environment").get(pk=pk)
    rows = RestoreDrill.objects.of(drill.environment).with_result()
    results = [DrillResult(row.cluster_id, row.result == PASSED) for row in rows]
    failed_at = now if is_problem(results, databases_in_use(drill.environment)) else None
    Environment.objects.filter(pk=drill.environment_id).update(drill_failed_at=failed_at)
