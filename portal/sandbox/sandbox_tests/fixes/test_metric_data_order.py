"""GetMetricData ignores ScanBy and returns the oldest data first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox_tests.engine.conftest import Account


def test_the_newest_data_are_returned_first_unless_the_oldest_are_wanted(
    ministack: Account, account: Account
) -> None:
    assert _values(ministack) == [1.0, 2.0]
    assert _values(account) == [2.0, 1.0]
    assert _values(account, ScanBy="TimestampAscending") == [1.0, 2.0]


def _values(account: Account, **options: Any) -> list[float]:
    """Publish two data points, and return what is read of them."""
    client, now = account.client("cloudwatch"), datetime.now(UTC)
    for minutes, value in ((5, 1.0), (2, 2.0)):
        datum = {"MetricName": "Orders", "Value": value, "Timestamp": now - timedelta(minutes=minutes)}
        client.put_metric_data(Namespace="Shop", MetricData=[datum])
    metric = {"Namespace": "Shop", "MetricName": "Orders"}
    found: list[float] = client.get_metric_data(
        MetricDataQueries=[
            {"Id": "orders", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
        ],
        StartTime=now - timedelta(minutes=10),
        EndTime=now,
        **options,
    )["MetricDataResults"][0]["Values"]
    return found
