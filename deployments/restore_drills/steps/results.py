"""What follows from the result of a drill: a problem of its environment begins or ends; notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from deployments.environments.models.environments import Environment
from deployments.health.models.reads import databases_in_use
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from deployments.restore_drills.models import FAILED, PASSED, RestoreDrill
from deployments.restore_drills.rules.result import DrillResult, is_problem


def report_result(pk: int, now: datetime) -> None:
    """Store whether the environment of a drill that has just got its result has a problem, and notify.

    A drill that passed is notified only if it ends the problem.
    """
    drill = RestoreDrill.objects.select_related("environment", "requested_by").get(pk=pk)
    environment = drill.environment
    rows = RestoreDrill.objects.of(environment).with_result()
    results = [DrillResult(row.cluster_id, row.result == PASSED) for row in rows]
    failed_at = now if is_problem(results, databases_in_use(environment)) else None
    Environment.objects.filter(pk=environment.pk).update(drill_failed_at=failed_at)
    if drill.result == FAILED:
        _notify(Topic.DRILL_FAILED, drill, now)
    elif environment.drill_failed_at is not None and failed_at is None:
        _notify(Topic.DRILL_PASSED, drill, now)


def _notify(topic: Topic, drill: RestoreDrill, now: datetime) -> None:
    values: dict[str, Any] = {
        "id": drill.pk,
        "cluster": drill.cluster_id,
        "snapshot": drill.snapshot_id,
        "message": drill.sentence,
        "began_at": drill.began_at.isoformat(),
        "restored_to": drill.point_at.isoformat() if drill.point_at else None,
        "rpo_seconds": drill.rpo.total_seconds() if drill.rpo is not None else None,
        "rto_seconds": drill.rto.total_seconds() if drill.rto is not None else None,
    }
    requested_by = drill.requested_by.get_username() if drill.requested_by else ""
    targets = outbox.destinations_of(topic, drill.environment)
    payload = {"drill": values, "requested_by": requested_by}
    outbox.write(targets, topic, f"{topic}:{drill.pk}", payload, now, environment=drill.environment)
