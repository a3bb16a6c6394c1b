"""The phase of a change in which chosen snapshots are taken, before anything changes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.utils import timezone

from deployments.aws.session import Clients
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import SNAPSHOT_FIRST, Deployment
from deployments.environments.rules.phases import State
from deployments.health.models.observing import poll_soon
from deployments.health.rules.backups import SnapshotCause, snapshot_name
from deployments.health.shared.snapshots import SnapshotFailed, SnapshotStep, WantedSnapshot
from deployments.stacks.shared import event_log
from deployments.stacks.shared.change_sets import tags_of


def begin(deployment: Deployment) -> None:
    """Begin the phase: choose the names of the snapshots, which hold in every later step."""
    now, stack = timezone.now(), deployment.environment.stack_name
    entries = [
        one | {"snapshot": snapshot_name(stack, now, uuid.uuid4().hex[:8])}
        for one in deployment.options[SNAPSHOT_FIRST]
    ]
    event_log.begin_phase(
        deployment,
        State.SNAPSHOT,
        key=str(deployment.revision or ""),
        options=deployment.options | {SNAPSHOT_FIRST: entries},
    )


def advance(deployment: Deployment, clients: Clients) -> None:
    """Take one step for each snapshot. Raise UserFixable if RDS does not take one: then the change fails."""
    now = timezone.now()
    entries = [_advanced(deployment, one, clients, now) for one in deployment.options[SNAPSHOT_FIRST]]
    if entries != deployment.options[SNAPSHOT_FIRST]:
        deployment.record(options=deployment.options | {SNAPSHOT_FIRST: entries})
        poll_soon(deployment.environment, "backups", now)


def _advanced(
    deployment: Deployment, entry: dict[str, Any], clients: Clients, now: datetime
) -> dict[str, Any]:
    if entry.get("done"):
        return entry
    begun_at = entry.get("begun_at")
    wanted = WantedSnapshot(
        cluster_id=entry["cluster"],
        snapshot_id=entry["snapshot"],
        cause=SnapshotCause.BEFORE_CHANGE,
        tags=tags_of(deployment.environment),
        requested_at=deployment.phase_at,
        begun_at=datetime.fromisoformat(begun_at) if begun_at else None,
    )
    if not begun_at:
        deployment.confirm_claim()
    try:
        step = wanted.advance(clients.rds, now)
    except SnapshotFailed as failed:
        poll_soon(deployment.environment, "backups", now)
        raise UserFixable("SnapshotFailed", failed.message.code, **failed.message.params) from failed
    if step is SnapshotStep.WAITS:
        return entry
    done = step is SnapshotStep.AVAILABLE
    event_log.add(
        deployment,
        "snapshot.available" if done else "snapshot.begun",
        key=entry["snapshot"],
        cluster=entry["cluster"],
        snapshot=entry["snapshot"],
    )
    return entry | ({"done": True} if done else {"begun_at": now.isoformat()})
