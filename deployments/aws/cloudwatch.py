"""The gateway to CloudWatch: the replica lag of Aurora readers, and the use of clusters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class CloudWatch(Protocol):
    """The calls to CloudWatch that the runner makes."""

    def replica_lags(self, instance_ids: Sequence[str]) -> Mapping[str, float]:
        """Return the newest AuroraReplicaLag of each instance in milliseconds; a writer has none."""
        ...

    def cluster_use(self, cluster_id: str) -> ClusterUse:
        """Return the newest VolumeBytesUsed and DatabaseConnections of a cluster."""
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

    def _lags(self, instance_ids: Sequence[str]) -> dict[str, float]:
        metrics = [
            ("AuroraReplicaLag", {"Name": "DBInstanceIdentifier", "Value": one}) for one in instance_ids
        ]
        values = self._newest(metrics, WINDOW)
        return {one: value for one, value in zip(instance_ids, values, strict=True) if value is not None}

    def _newest(self, metrics: Sequence[tuple[str, dict[str, str]]], window: timedelta) -> list[float | None]:
        """Return the newest value of each metric of RDS, given by its name and its dimension."""
        now = self._now()
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(f"m{number}", *metric) for number, metric in enumerate(metrics)],
            StartTime=now - window,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        found: list[float | None] = [None] * len(metrics)
        with calling("cloudwatch:GetMetricData"):
            for row in (row for page in pages for row in page.get("MetricDataResults", [])):
                number = int(row["Id"][1:])
                if row.get("Values") and found[number] is None:
                    found[number] = row["Values"][0]
        return found


def _query(name: str, metric: str, dimension: dict[str, str]) -> dict[str, Any]:
    return {
        "Id": name,
        "ReturnData": True,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/RDS", "MetricName": metric, "Dimensions": [dimension]},
            "Period": int(PERIOD.total_seconds()),
            "Stat": "Average",
        },
    }
