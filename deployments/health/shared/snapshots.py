"""A snapshot of a database cluster that Sanso takes: begin it once, and wait until it is available.

Its name is chosen before, so that a repeated step finds the snapshot that an earlier one has begun: RDS has
one snapshot of a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from deployments.aws.rds import RDS
from deployments.aws.rds_backups import ClusterSnapshot
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, AwsRejected, Message
from deployments.common.message_codes import Code
from deployments.health.rules.backups import CAUSE_TAG, SnapshotCause

LISTED_AFTER: Final = timedelta(minutes=2)
"""A new snapshot may be missing in the responses of RDS for this long."""
LONGEST_HOURS: Final = 12
"""After this many hours Sanso no longer waits, while RDS continues. Snapshots of Aurora take minutes."""
REASONS: Final = {
    "SnapshotQuotaExceeded": Code.SNAPSHOT_QUOTA,
    "InvalidDBClusterStateFault": Code.SNAPSHOT_CLUSTER_BUSY,
    "KMSKeyNotAccessibleFault": Code.SNAPSHOT_KEY_INACCESSIBLE,
}


class SnapshotStep(Enum):
    """What one step has done for a snapshot."""

    BEGUN = auto()
    WAITS = auto()
    AVAILABLE = auto()


class SnapshotFailed(Exception):
    """There will be no such snapshot; the message says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSnapshot:
    """A snapshot to take. `begun_at`: when a step has begun it; None before. `tags`: the environment's."""

    cluster_id: str
    snapshot_id: str
    cause: SnapshotCause
    tags: Mapping[str, str]
    requested_at: datetime
    begun_at: datetime | None = None

    def advance(self, rds: RDS, now: datetime) -> SnapshotStep:
        """Take one step. Raise SnapshotFailed if RDS does not take it. The caller stores when it begins."""
        found = self._find(rds)
        if found is None:
            if self.begun_at is None:
                self._create(rds)
                return SnapshotStep.BEGUN
            if now - self.begun_at > LISTED_AFTER:
                raise self._failed(Code.SNAPSHOT_GONE)
        elif found.cluster_id != self.cluster_id:
            raise self._failed(Code.SNAPSHOT_NAME_TAKEN)
        elif found.status == "available":
            return SnapshotStep.AVAILABLE
        elif found.status == "failed":
            raise self._failed(Code.SNAPSHOT_FAILED, status=found.status)
        if now - self.requested_at > timedelta(hours=LONGEST_HOURS):
            raise self._failed(Code.SNAPSHOT_TIMED_OUT, hours=str(LONGEST_HOURS))
        return SnapshotStep.WAITS

    def message(self, sentence: Code, request_id: str = "", **values: str) -> Message:
        """Return a message about it."""
        names = {"cluster": self.cluster_id, "snapshot": self.snapshot_id}
        return Message(sentence, names | values, request_id)

    def _find(self, rds: RDS) -> ClusterSnapshot | None:
        try:
            return rds.cluster_snapshot(self.snapshot_id)
        except AwsNotFound:
            return None

    def _create(self, rds: RDS) -> None:
        """Begin it, with the tags by which the search for what remains finds it."""
        tags = {**self.tags, CAUSE_TAG: self.cause.value}
        try:
            with suppress(AwsAlreadyDone):  # begun by a step whose response was lost
                rds.create_cluster_snapshot(self.cluster_id, self.snapshot_id, tags)
        except AwsNotFound as exc:
            raise self._failed(Code.SNAPSHOT_CLUSTER_GONE, exc.request_id, code=exc.code) from exc
        except AwsRejected as exc:
            if exc.code not in REASONS:
                raise
            raise self._failed(REASONS[exc.code], exc.request_id, code=exc.code) from exc

    def _failed(self, sentence: Code, request_id: str = "", **values: str) -> SnapshotFailed:
        return SnapshotFailed(self.message(sentence, request_id, **values))
