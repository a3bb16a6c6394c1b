"""The health, the backups and the maintenance of an environment as the API returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Self

from ninja import Schema
from pydantic import Field

from deployments.common.errors import Message
from deployments.common.texts import message_text
from deployments.health.models.database import DatabaseSnapshot
from deployments.health.models.maintenance import DatabaseMaintenance, DatabaseSecret, PendingMaintenance
from deployments.health.rules.backups import SnapshotCause
from deployments.health.rules.components import Component
from deployments.health.rules.maintenance import Support, support_status
from deployments.health.rules.observations import LastPoll, Observations, ObservedCluster
from deployments.health.rules.rollup import Health, Tier


def _text(message: Message | None) -> str:
    return message_text(message) if message else ""


class ComponentOut(Schema):
    """A load balancer, a server or a database."""

    kind: str = Field(examples=["server"])
    key: str = Field(examples=["i-0a1b2c3d"])
    name: str
    zone: str = Field(examples=["ap-northeast-1a"])
    status: str = Field(examples=["healthy"])
    transition: Literal["", "starting", "leaving", "standby"] = Field(
        description="What it is doing in the place of an `unknown` health."
    )
    text: str = Field(description="Why it is not healthy.")

    @classmethod
    def of(cls, row: Component) -> Self:
        """Return a component."""
        return cls(
            kind=row.kind,
            key=row.key,
            name=row.name,
            zone=row.zone,
            status=row.assessment.status,
            transition=row.transition.value if row.transition else "",
            text=_text(row.assessment.sentence),
        )


class TierOut(Schema):
    """A tier that a request passes through."""

    name: str = Field(examples=["web"])
    status: str = Field(examples=["healthy"])
    text: str
    healthy: int
    total: int
    components: list[ComponentOut]

    @classmethod
    def of(cls, row: Tier) -> Self:
        """Return a tier."""
        return cls(
            name=row.name,
            status=row.assessment.status,
            text=_text(row.assessment.sentence),
            healthy=row.healthy,
            total=row.total,
            components=[ComponentOut.of(one) for one in row.components],
        )


class SourceOut(Schema):
    """A source of figures, and why its last poll failed."""

    name: str = Field(examples=["elbv2"])
    observed_at: datetime | None
    problem: str


class HealthOut(Schema):
    """The health of an environment: the worst status of its tiers."""

    status: str = Field(examples=["healthy"])
    text: str = Field(description="Why it is not healthy, in the request's language.")
    tiers: list[TierOut]
    sources: list[SourceOut]

    @classmethod
    def of(cls, health: Health, sources: Mapping[str, LastPoll]) -> Self:
        """Return the health that was computed from some sources."""
        return cls(
            status=health.status,
            text=_text(health.sentence),
            tiers=[TierOut.of(one) for one in health.tiers],
            sources=sources_out(sources, *sources),
        )


class SnapshotOut(Schema):
    """A snapshot of a cluster."""

    name: str = Field(examples=["sanso-shop-20261202-033416-0a1b2c3d"])
    cause: SnapshotCause
    status: str = Field(examples=["available"])
    progress: int = Field(description="In percent.")
    size_gib: int | None = Field(description="An approximation of RDS.")
    created_at: datetime | None

    @classmethod
    def of(cls, row: DatabaseSnapshot) -> Self:
        """Return a row."""
        return cls(
            name=row.snapshot_id,
            cause=SnapshotCause(row.cause),
            status=row.status,
            progress=row.progress,
            size_gib=row.size or None,
            created_at=row.created_at,
        )


class ClusterBackupsOut(Schema):
    """The backups of a cluster, its snapshots the newest first."""

    cluster: str = Field(examples=["sanso-shop-database"])
    retention_days: int | None
    backup_window: str = Field(description="Daily, in UTC.", examples=["17:00-17:30"])
    earliest_restorable_at: datetime | None
    latest_restorable_at: datetime | None = Field(description="Usually five minutes ago.")
    snapshots: list[SnapshotOut]

    @classmethod
    def of(cls, cluster: ObservedCluster, snapshots: Sequence[DatabaseSnapshot]) -> Self:
        """Return a cluster's, from the snapshots of the environment."""
        return cls(
            cluster=cluster.cluster_id,
            retention_days=cluster.backup_retention_days,
            backup_window=cluster.backup_window,
            earliest_restorable_at=cluster.earliest_restorable_at,
            latest_restorable_at=cluster.latest_restorable_at,
            snapshots=[SnapshotOut.of(row) for row in snapshots if row.cluster_id == cluster.cluster_id],
        )


class BackupsOut(Schema):
    """The backups of an environment's databases. `sources` say when they were read, and what failed."""

    clusters: list[ClusterBackupsOut]
    sources: list[SourceOut]

    @classmethod
    def of(cls, facts: Observations, snapshots: Sequence[DatabaseSnapshot]) -> Self:
        """Return the backups from observations and the environment's snapshots."""
        return cls(
            clusters=[ClusterBackupsOut.of(one, snapshots) for one in facts.clusters],
            sources=sources_out(facts.sources, "database", "backups"),
        )


class PendingMaintenanceOut(Schema):
    """A maintenance action that RDS will apply: by itself if it has a date, else when somebody applies it."""

    instance: str = Field(description="Empty for an action of the cluster.", examples=["sanso-shop-1"])
    action: str = Field(examples=["os-upgrade"])
    description: str = Field(description="By AWS, in English.")
    apply_after: datetime | None = Field(description="Applied in the first maintenance window after it.")
    forced_at: datetime | None = Field(description="Applied as soon as possible after it.")
    applies_at: datetime | None = Field(description="When it is applied, with what has been requested.")
    opt_in: str = Field(description="The type of the latest request.", examples=["next-maintenance"])

    @classmethod
    def of(cls, row: PendingMaintenance) -> Self:
        """Return a row."""
        return cls(
            instance=row.instance_id,
            action=row.action,
            description=row.description,
            apply_after=row.apply_after,
            forced_at=row.forced_at,
            applies_at=row.applies_at,
            opt_in=row.opt_in,
        )


class ClusterMaintenanceOut(Schema):
    """The maintenance of a cluster, its pending actions the soonest first."""

    cluster: str = Field(examples=["sanso-shop-database"])
    engine_version: str = Field(examples=["8.0.mysql_aurora.3.10.6"])
    newer_versions: list[str] | None = Field(description="Of the same major version, the oldest first.")
    support: Support = Field(description="`ending` begins half a year before the end of standard support.")
    standard_support_ends_at: datetime | None
    extended_support_ends_at: datetime | None
    maintenance_window: str = Field(description="Weekly, in UTC.", examples=["sun:18:00-sun:18:30"])
    pending: list[PendingMaintenanceOut]

    @classmethod
    def of(cls, row: DatabaseMaintenance, pending: Sequence[PendingMaintenance], now: datetime) -> Self:
        """Return a cluster's, from the pending actions of the environment."""
        ends = (row.standard_support_ends_at, row.extended_support_ends_at)
        return cls(
            cluster=row.cluster_id,
            engine_version=row.engine_version,
            newer_versions=row.newer_versions,
            support=support_status(*ends, now),
            standard_support_ends_at=ends[0],
            extended_support_ends_at=ends[1],
            maintenance_window=row.maintenance_window,
            pending=[PendingMaintenanceOut.of(one) for one in pending if one.cluster_id == row.cluster_id],
        )


class SecretOut(Schema):
    """A secret of a database: the age of its value and its rotation, never the value."""

    name: str = Field(examples=["rds!cluster-0a1b2c3d"])
    cluster: str = Field(description="Whose administrator it is of; empty for a secret of the stacks.")
    value_created_at: datetime | None
    rotates: bool = Field(description="Whether AWS rotates it by itself.")
    rotated_at: datetime | None
    rotates_at: datetime | None

    @classmethod
    def of(cls, row: DatabaseSecret) -> Self:
        """Return a row."""
        return cls(
            name=row.name,
            cluster=row.cluster_id,
            value_created_at=row.value_created_at,
            rotates=row.rotates,
            rotated_at=row.rotated_at,
            rotates_at=row.rotates_at,
        )


class MaintenanceOut(Schema):
    """The maintenance of an environment's databases. `sources` say when it was read, and what failed."""

    clusters: list[ClusterMaintenanceOut]
    secrets: list[SecretOut]
    sources: list[SourceOut]

    @classmethod
    def of(
        cls,
        rows: Sequence[DatabaseMaintenance],
        pending: Sequence[PendingMaintenance],
        secrets: Sequence[DatabaseSecret],
        sources: Mapping[str, LastPoll],
        now: datetime,
    ) -> Self:
        """Return the maintenance from an environment's rows."""
        return cls(
            clusters=[ClusterMaintenanceOut.of(row, pending, now) for row in rows],
            secrets=[SecretOut.of(row) for row in secrets],
            sources=sources_out(sources, "maintenance"),
        )


def sources_out(known: Mapping[str, LastPoll], *names: str) -> list[SourceOut]:
    """Return the sources with these names that are known."""
    return [
        SourceOut(name=name, observed_at=one.observed_at, problem=_text(one.problem))
        for name in names
        if (one := known.get(name))
    ]
