"""Take a requested snapshot of a database cluster, and wait until it is available.

Its name is in the request, so that a repeated step finds the snapshot that an earlier one has begun: RDS has
one snapshot of a name.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NoReturn

from django.utils import timezone

from deployments.aws.rds_backups import ClusterSnapshot
from deployments.aws.session import Clients
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, AwsRejected, Message
from deployments.common.message_codes import Code
from deployments.health.models.observing import poll_soon
from deployments.health.rules.backups import CAUSE_TAG, SnapshotCause
from deployments.stacks.models.action_requests import ActionFailed, ActionRequest, ContinueLater
from deployments.stacks.shared.change_sets import tags_of

LISTED_AFTER: Final = timedelta(minutes=2)
"""A new snapshot may be missing in the responses of RDS for this long."""
LONGEST_HOURS: Final = 12
"""After this many hours the request ends, while RDS continues. Snapshots of Aurora take minutes."""
REASONS: Final = {
    "SnapshotQuotaExceeded": Code.SNAPSHOT_QUOTA,
    "InvalidDBClusterStateFault": Code.SNAPSHOT_CLUSTER_BUSY,
    "KMSKeyNotAccessibleFault": Code.SNAPSHOT_KEY_INACCESSIBLE,
}


def take(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Take one step of the request. Raise ContinueLater until the snapshot is available.

    Raise ActionFailed if RDS does not take it, with what to do.
    """
    found = _find(row, clients)
    if found is None:
        begun_at = row.result.get("begun_at")
        if not begun_at:
            _create(row, clients)
        elif timezone.now() - datetime.fromisoformat(begun_at) > LISTED_AFTER:
            _fail(row, Code.SNAPSHOT_GONE)
    elif found.cluster_id != row.arguments["cluster_id"]:
        _fail(row, Code.SNAPSHOT_NAME_TAKEN)
    elif found.status == "available":
        poll_soon(row.environment, "backups", timezone.now())
        return {"sentence": _message(row, Code.SNAPSHOT_TAKEN).as_json()}
    elif found.status == "failed":
        _fail(row, Code.SNAPSHOT_FAILED, status=found.status)
    if timezone.now() - row.created_at > timedelta(hours=LONGEST_HOURS):
        _fail(row, Code.SNAPSHOT_TIMED_OUT, hours=str(LONGEST_HOURS))
    raise ContinueLater(row.environment.account.timings.snapshot)


def _find(row: ActionRequest, clients: Clients) -> ClusterSnapshot | None:
    try:
        return clients.rds.cluster_snapshot(str(row.arguments["snapshot_id"]))
    except AwsNotFound:
        return None


def _create(row: ActionRequest, clients: Clients) -> None:
    """Begin the snapshot, with the tags by which the search for what remains finds it."""
    cluster_id, snapshot_id = str(row.arguments["cluster_id"]), str(row.arguments["snapshot_id"])
    tags = {**tags_of(row.environment), CAUSE_TAG: SnapshotCause.REQUESTED.value}
    try:
        with suppress(AwsAlreadyDone):  # begun by a step whose response was lost
            clients.rds.create_cluster_snapshot(cluster_id, snapshot_id, tags)
    except AwsNotFound as exc:
        _fail(row, Code.SNAPSHOT_CLUSTER_GONE, exc.request_id, code=exc.code)
    except AwsRejected as exc:
        if exc.code not in REASONS:
            raise
        _fail(row, REASONS[exc.code], exc.request_id, code=exc.code)
    row.result = row.result | {"begun_at": timezone.now().isoformat()}
    ActionRequest.objects.filter(pk=row.pk, version=row.version).update(state="running", result=row.result)
    poll_soon(row.environment, "backups", timezone.now())


def _fail(row: ActionRequest, sentence: Code, request_id: str = "", **values: str) -> NoReturn:
    poll_soon(row.environment, "backups", timezone.now())
    message = _message(row, sentence, **values)
    raise ActionFailed(replace(message, request_id=request_id))


def _message(row: ActionRequest, sentence: Code, **values: str) -> Message:
    names = {"cluster": str(row.arguments["cluster_id"]), "snapshot": str(row.arguments["snapshot_id"])}
    return Message(sentence, names | values)
