"""GetMetricData: the limits of a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account


def read(account: Account, number: int, statistic: str) -> list[Any]:
    """Read a number of metrics with a statistic."""
    now = datetime.now(UTC)
    metric = {"Namespace": "AWS/RDS", "MetricName": "DatabaseConnections"}
    found: list[Any] = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {"Id": f"m{one}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
            for one in range(number)
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
    )["MetricDataResults"]
    return found


def test_a_call_reads_at_most_five_hundred_metrics(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
    assert len(read(account, 500, "Maximum")) == 500
    with pytest.raises(ClientError, match="must not have a size greater than 500"):
        read(account, 501, "Maximum")


@pytest.mark.parametrize("statistic", ["Average", "p99.9", "tm90", "PR(100:2000)"])
def test_statistics_are_those_of_cloudwatch(account: Account, statistic: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html"""
    assert len(read(account, 1, statistic)) == 1


def test_another_statistic_is_refused(account: Account) -> None:
    """https://github.com/prometheus-community/yet-another-cloudwatch-exporter/issues/385"""
    with pytest.raises(
        ClientError, match=r"The value Median for parameter .+\.Stat is not a valid statistic"
    ):
        read(account, 1, "Median")
