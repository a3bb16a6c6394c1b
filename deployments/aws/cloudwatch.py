"""The gateway to CloudWatch: the replica lag of Aurora readers, and the use of clusters now and over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from deployments.aws.error_mapping import calling

AT_ONCE = 500
"""Metrics in one call (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html)."""
PERIOD = timedelta(minutes=1)
WINDOW = timedelta(minutes=5)
"""Maximum age of a value: metrics arrive a minute or two late, and older ones are out of date."""
SIZE_WINDOW = timedelta(minutes=30)
"""The same for the size of a cluster, which CloudWatch receives every few minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterUse:
    """The use of a cluster: the size of its data in bytes, and its connections; None if unknown."""

    size: float | None = None
    connections: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMetrics:
    """The maxima of a cluster's metrics in the period from `start`; None where CloudWatch has no value.

    `writer_connections` and `reader_connections` are those of one instance, `replica_lag_ms` is the lag of
    the reader that is farthest behind.
    """

    start: datetime
    writer_connections: float | None = None
    reader_connections: float | None = None
    replica_lag_ms: float | None = None


OVER_TIME = {
    "writer_connections": ("DatabaseConnections", "WRITER"),
    "reader_connections": ("DatabaseConnections", "READER"),
    "replica_lag_ms": ("AuroraReplicaLag", "READER"),
}
"""The metric and the role of each number over time: three for a cluster of any size, which outlast failovers.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
"""


class CloudWatch(Protocol):
    """The calls to CloudWatch that the runner makes."""

    def replica_lags(self, instance_ids: Sequence[str]) -> Mapping[str, float]:
        """Return the newest AuroraReplicaLag of each instance in milliseconds; a writer has none."""
        ...

    def cluster_use(self, cluster_id: str) -> ClusterUse:
        """Return the newest VolumeBytesUsed and DatabaseConnections of a cluster."""
        ...

    def cluster_metrics(
        self, cluster_ids: Sequence[str], since: datetime, period: timedelta
    ) -> Mapping[str, Sequence[ClusterMetrics]]:
        """Return the metrics of clusters since a time, the oldest period first; one without any is left out.

        The time is a multiple of the period, which is a multiple of a minute. One call reads the metrics of
        166 clusters.
        """
        ...


class CloudWatchGateway:
    """CloudWatch through boto3; the protocol above documents the methods."""

    def __init__(self, client: Any, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now

    def replica_lags(self, instance_ids: Sequence[str]) -> Mapping[str, float]:
        # AWS charges for each metric (a cent per thousand), and there is a new value once a minute.
        found: dict[str, float] = {}
        for first in range(0, len(instance_ids), AT_ONCE):
            found |= self._lags(instance_ids[first : first + AT_ONCE])
        return found

    def cluster_use(self, cluster_id: str) -> ClusterUse:
        of_cluster = {"Name": "DBClusterIdentifier", "Value": cluster_id}
        metrics = (("VolumeBytesUsed", of_cluster), ("DatabaseConnections", of_cluster))
        size, connections = self._newest(metrics, SIZE_WINDOW)
        return ClusterUse(size=size, connections=connections)

    def cluster_metrics(
        self, cluster_ids: Sequence[str], since: datetime, period: timedelta
    ) -> Mapping[str, Sequence[ClusterMetrics]]:
        found: dict[str, Sequence[ClusterMetrics]] = {}
        clusters_at_once = AT_ONCE // len(OVER_TIME)
        for first in range(0, len(cluster_ids), clusters_at_once):
            found |= self._over_time(cluster_ids[first : first + clusters_at_once], since, period)
        return found

    def _over_time(
        self, cluster_ids: Sequence[str], since: datetime, period: timedelta
    ) -> dict[str, Sequence[ClusterMetrics]]:
        wanted = [(cluster_id, name) for cluster_id in cluster_ids for name in OVER_TIME]
        queries = []
        for number, (cluster_id, name) in enumerate(wanted):
            metric, role = OVER_TIME[name]
            of_role = [
                {"Name": "DBClusterIdentifier", "Value": cluster_id},
                {"Name": "Role", "Value": role},
            ]
            queries.append(_query(f"m{number}", metric, *of_role, period=period, statistic="Maximum"))
        values: defaultdict[str, defaultdict[datetime, dict[str, float]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        for row in self._results(queries, since, self._now()):
            cluster_id, name = wanted[int(row["Id"][1:])]
            for start, value in zip(row.get("Timestamps", ()), row.get("Values", ()), strict=True):
                values[cluster_id][start][name] = value
        return {
            cluster_id: [ClusterMetrics(start=start, **named) for start, named in sorted(of_cluster.items())]
            for cluster_id, of_cluster in values.items()
        }

    def _lags(self, instance_ids: Sequence[str]) -> dict[str, float]:
        metrics = [
            ("AuroraReplicaLag", {"Name": "DBInstanceIdentifier", "Value": one}) for one in instance_ids
        ]
        values = self._newest(metrics, WINDOW)
        return {one: value for one, value in zip(instance_ids, values, strict=True) if value is not None}

    def _newest(self, metrics: Sequence[tuple[str, dict[str, str]]], window: timedelta) -> list[float | None]:
        """Return the newest value of each metric of RDS, given by its name and its dimension."""
        now = self._now()
        queries = [_query(f"m{number}", *metric) for number, metric in enumerate(metrics)]
        found: list[float | None] = [None] * len(metrics)
        for row in self._results(queries, now - window, now):
            number = int(row["Id"][1:])
            if row.get("Values") and found[number] is None:
                found[number] = row["Values"][0]
        return found

    def _results(
        self, queries: Sequence[dict[str, Any]], since: datetime, until: datetime
    ) -> Iterator[dict[str, Any]]:
        """Yield the results of metrics, the newest values first; one metric may have several of them."""
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=since, EndTime=until, ScanBy="TimestampDescending"
        )
        with calling("cloudwatch:GetMetricData"):
            for page in pages:
                yield from page.get("MetricDataResults", [])


def _query(
    name: str,
    metric: str,
    *dimensions: dict[str, str],
    period: timedelta = PERIOD,
    statistic: str = "Average",
) -> dict[str, Any]:
    return {
        "Id": name,
        "ReturnData": True,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/RDS", "MetricName": metric, "Dimensions": list(dimensions)},
            "Period": int(period.total_seconds()),
            "Stat": statistic,
        },
    }
