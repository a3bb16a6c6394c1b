"""The backups of a database as its page shows them: retention, restorable times, snapshots, requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from deployments.cloudformation.status import DisplayStatus
from deployments.common.texts import stored_text
from deployments.environments.display.badges import status_badge
from deployments.environments.models.environments import Environment
from deployments.health.display.panels import PanelRows, first_rows
from deployments.health.models.database import DatabaseSnapshot
from deployments.health.rules.observations import Observations, ObservedCluster
from deployments.stacks.models.action_requests import ActionRequest

OUTCOME_FOR = timedelta(days=1)
"""How long the result of a request is displayed."""
_STATUSES: Mapping[str, tuple[DisplayStatus, Promise]] = {
    "available": (DisplayStatus.DONE, pgettext_lazy("snapshot", "Available")),
    "creating": (DisplayStatus.PROGRESS, pgettext_lazy("snapshot", "Creating")),
    "copying": (DisplayStatus.PROGRESS, pgettext_lazy("snapshot", "Copying")),
    "deleting": (DisplayStatus.PROGRESS, pgettext_lazy("snapshot", "Deleting")),
    "failed": (DisplayStatus.FAILED, pgettext_lazy("snapshot", "Failed")),
}


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A snapshot in the panel."""

    fact: DatabaseSnapshot

    @property
    def can_be_restored(self) -> bool:
        """Return whether an environment can be created with its data."""
        return self.fact.status == "available"

    @property
    def badge(self) -> SafeString:
        """Return its status, with the progress while RDS creates it."""
        display, label = _STATUSES.get(self.fact.status, (DisplayStatus.PENDING, self.fact.status))
        progress = (
            f"{self.fact.progress} %" if display is DisplayStatus.PROGRESS and self.fact.progress else ""
        )
        return status_badge(display, label or _("unknown"), raw=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupsPanel:
    """The backups of one cluster; `request` is the latest one for a snapshot of it."""

    fact: ObservedCluster
    snapshots: PanelRows[SnapshotRow]
    request: ActionRequest | None

    @property
    def window(self) -> str:
        """Return the daily backup window in UTC; "" if it is unknown."""
        return f"{self.fact.backup_window.replace('-', '–')} UTC" if self.fact.backup_window else ""

    @property
    def first_second(self) -> datetime | None:
        """Return the first whole second that the database can be restored to; None if it is unknown."""
        return _whole(self.fact.earliest_restorable_at)

    @property
    def last_second(self) -> datetime | None:
        """Return the last one, which is before the latest restorable time; None if there is none."""
        last = _whole(self.fact.latest_restorable_at)
        first = self.first_second
        last = last and last - timedelta(seconds=1)
        return last if first and last and first <= last else None

    @property
    def is_requested(self) -> bool:
        """Return whether a snapshot is being taken."""
        return self.request is not None and self.request.is_active

    @property
    def requested_name(self) -> str:
        """Return the name of the requested snapshot."""
        return str(self.request.arguments.get("snapshot_id", "")) if self.request else ""

    @property
    def outcome(self) -> str:
        """Return the result of the latest request; "" if it has not ended, or ended long ago."""
        ended_at = self.request.ended_at if self.request else None
        if self.request is None or ended_at is None or timezone.now() - ended_at > OUTCOME_FOR:
            return ""
        return stored_text(self.request.result.get("sentence"))


def _whole(moment: datetime | None) -> datetime | None:
    """Return the first whole second that is not before a moment."""
    if moment is None:
        return None
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def backups(
    environment: Environment, facts: Observations, requests: Sequence[ActionRequest], *, everything: bool
) -> list[BackupsPanel]:
    """Return a panel for each cluster; `requests` are the environment's, newest first."""
    rows = list(DatabaseSnapshot.objects.newest_of(environment))
    place = {row.pk: number for number, row in enumerate(rows)}
    return [
        BackupsPanel(
            fact=cluster,
            snapshots=first_rows(
                (SnapshotRow(row) for row in rows if row.cluster_id == cluster.cluster_id),
                lambda row: place[row.fact.pk],
                everything=everything,
            ),
            request=next((one for one in requests if _is_about(one, cluster.cluster_id)), None),
        )
        for cluster in facts.clusters
    ]


def _is_about(request: ActionRequest, cluster_id: str) -> bool:
    return request.kind == "take_snapshot" and request.arguments.get("cluster_id") == cluster_id
