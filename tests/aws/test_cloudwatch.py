"""Replica lag and cluster usage, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta

from botocore.stub import ANY

from deployments.aws.cloudwatch import CloudWatchGateway, ClusterUse
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


def test_the_use_of_a_cluster_is_its_newest_values(stub: Stub) -> None:
    client, stubber = stub("cloudwatch")
    expected = {
        "MetricDataQueries": ANY,
        "StartTime": START - timedelta(minutes=30),
        "EndTime": START,
        "ScanBy": "TimestampDescending",
    }
    times = [START - timedelta(minutes=5), START - timedelta(minutes=10)]
    results = [{"Id": "m0", "Timestamps": times, "Values": [2048.0, 1024.0]}, {"Id": "m1", "Values": []}]
    stubber.add_response("get_metric_data", {"MetricDataResults": results}, expected)

    use = CloudWatchGateway(client, now=lambda: START).cluster_use("shop-db")

    assert use == ClusterUse(size=2048.0, connections=None)
