"""The gateway to CloudWatch: the replica lag of Aurora readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from deployments.aws.error_mapping import calling

AT_ONCE = 500
"""Metrics in one call (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html)."""
PERIOD = timedelta(minutes=1)
WINDOW = timedelta(minutes=5)
"""Maximum age of a value: metrics arrive a minute or two late, and older ones are out of date."""


class CloudWatch(Protocol):
    """The calls to CloudWatch that the runner makes."""

    def replica_lags(self, instance_ids: Sequence[str]) -> Mapping[str, float]:
        """Return the newest AuroraReplicaLag of each instance in milliseconds; a writer has none."""
        ...


class CloudWatchGateway:
    """CloudWatch through boto3; the protocol above says what each method does."""

    def __init__(self, client: Any, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now

    def replica_lags(self, instance_ids: Sequence[str]) -> Mapping[str, float]:
        # AWS charges for each metric (a cent per thousand), and there is a new value once a minute.
        found: dict[str, float] = {}
        for first in range(0, len(instance_ids), AT_ONCE):
            found |= self._lags(instance_ids[first : first + AT_ONCE])
        return found

    def _lags(self, instance_ids: Sequence[str]) -> dict[str, float]:
        now = self._now()
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[_query(f"m{number}", key) for number, key in enumerate(instance_ids)],
            StartTime=now - WINDOW,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        found: dict[str, float] = {}
        with calling("cloudwatch:GetMetricData"):
            for row in (row for page in pages for row in page.get("MetricDataResults", [])):
                if row.get("Values"):
                    found.setdefault(instance_ids[int(row["Id"][1:])], row["Values"][0])
        return found


def _query(name: str, instance_id: str) -> dict[str, Any]:
    return {
        "Id": name,
        "ReturnData": True,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/RDS",
                "MetricName": "AuroraReplicaLag",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance_id}],
            },
            "Period": int(PERIOD.total_seconds()),
            "Stat": "Average",
        },
    }
