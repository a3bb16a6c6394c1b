"""The maintenance of a database as its page shows it: versions, support, pending actions of RDS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import pgettext_lazy

from deployments.cloudformation.status import DisplayStatus
from deployments.environments.display.badges import status_badge
from deployments.environments.models.environments import Environment
from deployments.health.models.maintenance import DatabaseMaintenance, PendingMaintenance
from deployments.health.rules.maintenance import Support, support_status

ACTIONS: Mapping[str, Promise] = {
    "ca-certificate-rotation": pgettext_lazy("maintenance", "Rotation of the CA certificate"),
    "db-upgrade": pgettext_lazy("maintenance", "Upgrade of the database engine"),
    "hardware-maintenance": pgettext_lazy("maintenance", "Maintenance of the hardware"),
    "os-upgrade": pgettext_lazy("maintenance", "Update of the operating system"),
    "serverless-platform-version-update": pgettext_lazy("maintenance", "Update of the serverless platform"),
    "system-update": pgettext_lazy("maintenance", "System update"),
}
"""The actions of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingMaintenanceAction.html."""
_SUPPORT: Mapping[Support, tuple[DisplayStatus, Promise]] = {
    Support.ENDING: (DisplayStatus.ATTENTION, pgettext_lazy("support", "Ends soon")),
    Support.EXTENDED: (
        DisplayStatus.ATTENTION,
        pgettext_lazy("support", "Ended; extended support for a fee"),
    ),
    Support.ENDED: (DisplayStatus.FAILED, pgettext_lazy("support", "Ended")),
}


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A pending action in the panel."""

    fact: PendingMaintenance

    @property
    def name(self) -> str:
        """Return what RDS will do; an action that is not known is its API value."""
        return str(ACTIONS.get(self.fact.action, self.fact.action))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenancePanel:
    """The maintenance of one cluster."""

    fact: DatabaseMaintenance
    actions: Sequence[PendingRow]
    now: datetime

    @property
    def window(self) -> str:
        """Return the weekly maintenance window in UTC; "" if it is unknown."""
        return f"{self.fact.maintenance_window.replace('-', '–')} UTC" if self.fact.maintenance_window else ""

    @property
    def newest_version(self) -> str:
        """Return the newest version of the same major version; "" if there is none, or it is unknown."""
        return str(self.fact.newer_versions[-1]) if self.fact.newer_versions else ""

    @property
    def standard_support_until(self) -> str:
        """Return the date of AWS; "" if it is unknown."""
        return _date(self.fact.standard_support_ends_at)

    @property
    def extended_support_until(self) -> str:
        """Return the same for extended support."""
        return _date(self.fact.extended_support_ends_at)

    @property
    def support_badge(self) -> SafeString | str:
        """Return a badge unless standard support goes on for long; "" then, or if it is unknown."""
        ends = (self.fact.standard_support_ends_at, self.fact.extended_support_ends_at)
        found = _SUPPORT.get(support_status(*ends, self.now))
        return status_badge(*found) if found else ""


def maintenance(environment: Environment) -> list[MaintenancePanel]:
    """Return a panel for each cluster of an environment."""
    actions = list(PendingMaintenance.objects.soonest_of(environment))
    return [
        MaintenancePanel(
            fact=row,
            actions=[PendingRow(one) for one in actions if one.cluster_id == row.cluster_id],
            now=timezone.now(),
        )
        for row in environment.maintenance.order_by("cluster_id")
    ]


def _date(moment: datetime | None) -> str:
    """Return a date as AWS's documents have it: support ends with a day in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else ""
