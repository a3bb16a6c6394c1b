"""Take a snapshot of a database cluster that somebody requested."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from deployments.aws.session import Clients
from deployments.common.message_codes import Code
from deployments.health.models.observing import poll_soon
from deployments.health.rules.backups import SnapshotCause
from deployments.health.shared.snapshots import SnapshotFailed, SnapshotStep, WantedSnapshot
from deployments.stacks.models.action_requests import ActionFailed, ActionRequest, ContinueLater
from deployments.stacks.shared.change_sets import tags_of


def take(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Take one step of the request. Raise ContinueLater until the snapshot is available.

    Raise ActionFailed if RDS does not take it, with what to do.
    """
    now, begun_at = timezone.now(), row.result.get("begun_at")
    wanted = WantedSnapshot(
        cluster_id=str(row.arguments["cluster_id"]),
        snapshot_id=str(row.arguments["snapshot_id"]),
        cause=SnapshotCause.REQUESTED,
        tags=tags_of(row.environment),
        requested_at=row.created_at,
        begun_at=datetime.fromisoformat(begun_at) if begun_at else None,
    )
    try:
        step = wanted.advance(clients.rds, now)
    except SnapshotFailed as failed:
        poll_soon(row.environment, "backups", now)
        raise ActionFailed(failed.message) from failed
    if step is not SnapshotStep.WAITS:
        poll_soon(row.environment, "backups", now)
    if step is SnapshotStep.AVAILABLE:
        return {"sentence": wanted.message(Code.SNAPSHOT_TAKEN).as_json()}
    if step is SnapshotStep.BEGUN:
        row.result = row.result | {"begun_at": now.isoformat()}
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
            state="running", result=row.result
        )
    raise ContinueLater(row.environment.account.timings.snapshot)
