"""Replica lag, and the usage of clusters now and over time, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from botocore.stub import ANY

from deployments.aws.cloudwatch import CloudWatchGateway, ClusterMetrics, ClusterUse
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


def test_the_metrics_of_clusters_are_joined_by_time_whatever_the_pages_bring(stub: Stub) -> None:
    client, stubber = stub("cloudwatch")
    roles = (
        ("DatabaseConnections", "WRITER"),
        ("DatabaseConnections", "READER"),
        ("AuroraReplicaLag", "READER"),
    )
    queries = [
        {
            "Id": f"m{3 * cluster + number}",
            "ReturnData": True,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": metric,
                    "Dimensions": [
                        {"Name": "DBClusterIdentifier", "Value": name},
                        {"Name": "Role", "Value": role},
                    ],
                },
                "Period": 300,
                "Stat": "Maximum",
            },
        }
        for cluster, name in enumerate(("shop", "new"))
        for number, (metric, role) in enumerate(roles)
    ]
    first, second = START, START + timedelta(minutes=5)
    expected = {
        "MetricDataQueries": queries,
        "StartTime": START,
        "EndTime": START + timedelta(minutes=8),
        "ScanBy": "TimestampDescending",
    }
    results = [
        {"Id": "m0", "StatusCode": "PartialData", "Timestamps": [second], "Values": [21.0]},
        {"Id": "m2", "Timestamps": [second], "Values": [18.5]},
        {"Id": "m3", "Timestamps": [], "Values": []},
    ]
    stubber.add_response("get_metric_data", {"MetricDataResults": results, "NextToken": "more"}, expected)
    stubber.add_response(
        "get_metric_data",
        {"MetricDataResults": [{"Id": "m0", "Timestamps": [first], "Values": [20.0]}]},
        expected | {"NextToken": "more"},
    )

    gateway = CloudWatchGateway(client, now=lambda: START + timedelta(minutes=8))
    found = gateway.cluster_metrics(["shop", "new"], START, timedelta(minutes=5))

    assert found == {
        "shop": [
            ClusterMetrics(start=first, writer_connections=20.0),
            ClusterMetrics(start=second, writer_connections=21.0, replica_lag_ms=18.5),
        ]
    }


def test_a_call_names_at_most_five_hundred_metrics(stub: Stub) -> None:
    client, stubber = stub("cloudwatch")
    sizes: list[int] = []

    def count(params: dict[str, Any], **_rest: Any) -> None:
        sizes.append(len(params["MetricDataQueries"]))

    client.meta.events.register("provide-client-params.cloudwatch.GetMetricData", count)
    for _ in range(2):
        stubber.add_response("get_metric_data", {"MetricDataResults": []})

    names = [f"cluster-{number}" for number in range(170)]
    assert CloudWatchGateway(client).cluster_metrics(names, START, timedelta(minutes=5)) == {}
    assert sizes == [498, 12]
