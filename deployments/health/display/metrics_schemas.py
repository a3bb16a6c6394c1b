"""The metrics of an environment's databases as the API returns them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from ninja import Schema
from pydantic import Field

from deployments.health.display.api_schemas import SourceOut, sources_out
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.rules.observations import Observations


class MetricsPeriodOut(Schema):
    """The maxima of five minutes, of an hour if they are older than a day; null where there is no value."""

    start: datetime
    writer_connections: float | None
    reader_connections: float | None = Field(description="Of the reader with the most.")
    replica_lag_ms: float | None = Field(description="Of the reader that was farthest behind.")

    @classmethod
    def of(cls, row: DatabaseMetrics) -> Self:
        """Return a row."""
        return cls(
            start=row.start,
            writer_connections=row.writer_connections,
            reader_connections=row.reader_connections,
            replica_lag_ms=row.replica_lag_ms,
        )


class FailoverOut(Schema):
    """A change of the writer. `at` is when Sanso observed it, up to a minute later."""

    at: datetime
    writer: str = Field(examples=["sanso-shop-2"])
    previous_writer: str = Field(examples=["sanso-shop-1"])

    @classmethod
    def of(cls, row: DatabaseFailover) -> Self:
        """Return a row."""
        return cls(at=row.at, writer=row.writer_id, previous_writer=row.previous_writer_id)


class ClusterMetricsOut(Schema):
    """The metrics of a cluster, the oldest first, and its failovers, the newest first."""

    cluster: str = Field(examples=["sanso-shop-database"])
    periods: list[MetricsPeriodOut]
    failovers: list[FailoverOut]


class DatabaseMetricsOut(Schema):
    """The metrics of an environment's databases. `sources` say when they were read, and what failed."""

    clusters: list[ClusterMetricsOut]
    sources: list[SourceOut]

    @classmethod
    def of(
        cls, facts: Observations, rows: Sequence[DatabaseMetrics], failovers: Sequence[DatabaseFailover]
    ) -> Self:
        """Return the metrics from observations and an environment's rows."""
        return cls(
            clusters=[
                ClusterMetricsOut(
                    cluster=one.cluster_id,
                    periods=[MetricsPeriodOut.of(row) for row in rows if row.cluster_id == one.cluster_id],
                    failovers=[FailoverOut.of(row) for row in failovers if row.cluster_id == one.cluster_id],
                )
                for one in facts.clusters
            ],
            sources=sources_out(facts.sources, "database", "metrics"),
        )
