"""Replica lag, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta

from deployments.aws.cloudwatch import CloudWatchGateway
from tests.aws.conftest import Stub
from tests.builders import START


def test_the_newest_lag_of_each_reader_is_returned_and_a_writer_has_none(stub: Stub) -> None:
    client, stubber = stub("cloudwatch")
    queries = [
        {
            "Id": f"m{number}",
            "ReturnData": True,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": "AuroraReplicaLag",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": name}],
                },
                "Period": 60,
                "Stat": "Average",
            },
        }
        for number, name in enumerate(("reader", "writer", "other"))
    ]
    expected = {
        "MetricDataQueries": queries,
        "StartTime": START - timedelta(minutes=5),
        "EndTime": START,
        "ScanBy": "TimestampDescending",
    }
    times = [START - timedelta(minutes=1), START - timedelta(minutes=2)]
    stubber.add_response(
        "get_metric_data",
        {
            "MetricDataResults": [
                {"Id": "m0", "StatusCode": "PartialData", "Timestamps": times, "Values": [17.5, 40.0]},
                {"Id": "m1", "StatusCode": "Complete", "Timestamps": [], "Values": []},
            ],
            "NextToken": "more",
        },
        expected,
    )
    stubber.add_response(
        "get_metric_data",
        {
            "MetricDataResults": [
                {"Id": "m0", "Timestamps": [START - timedelta(minutes=3)], "Values": [99.0]},
                {"Id": "m2", "Timestamps": times[:1], "Values": [0.0]},
            ]
        },
        expected | {"NextToken": "more"},
    )

    lags = CloudWatchGateway(client, now=lambda: START).replica_lags(["reader", "writer", "other"])

    assert lags == {"reader": 17.5, "other": 0.0}


def test_no_instances_cost_no_call(stub: Stub) -> None:
    client, _ = stub("cloudwatch")
    assert CloudWatchGateway(client).replica_lags([]) == {}
