"""The metrics of a cluster's instances in CloudWatch: their connections, and the lag of the readers."""

import time
from typing import Final

from ministack.services import cloudwatch

from sanso_sandbox.engine.registry import Record
from sanso_sandbox.engine.time_scale import shortened
from sanso_sandbox.protocols.databases import Member

PERIOD: Final = 60.0  # AWS's seconds between two data points of a metric
LEAST_PERIOD: Final = 5.0
MINUTE: Final = 60  # seconds, whose values are one data point


def publish(cluster: Record, members: list[Member]) -> None:
    """Publish DatabaseConnections and AuroraReplicaLag, of each instance and aggregated as in RDS.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
    """
    now = time.monotonic()
    if now < cluster.get("_measured_at", 0.0) + shortened(PERIOD, at_least=LEAST_PERIOD):
        return
    cluster["_measured_at"] = now
    of_cluster = {"DBClusterIdentifier": cluster["DBClusterIdentifier"]}
    for member in members:
        of_role = {**of_cluster, "Role": "WRITER" if member.writes else "READER"}
        for dimensions in ({"DBInstanceIdentifier": member.instance}, of_cluster, of_role):
            _add("DatabaseConnections", member.connections, "Count", dimensions)
            _add("AuroraReplicaLag", member.lag_ms, "Milliseconds", dimensions)


def _add(metric: str, value: float | None, unit: str, dimensions: dict[str, str]) -> None:
    """Add a value to the metric's data point of this minute: one for each value would fill the memory."""
    if value is None:
        return
    points = cloudwatch._metric_bucket(("AWS/RDS", metric, cloudwatch._dims_key(dimensions)))
    start = time.time() // MINUTE * MINUTE
    if not points or points[-1]["Timestamp"] != start:
        nothing = {"SampleCount": 0, "Sum": 0.0, "Minimum": value, "Maximum": value}
        points.append({"Timestamp": start, "Unit": unit, "Dimensions": dimensions, "_stat": nothing})
    known = points[-1]["_stat"]
    points[-1]["Value"] = value
    points[-1]["_stat"] = {
        "SampleCount": known["SampleCount"] + 1,
        "Sum": known["Sum"] + value,
        "Minimum": min(known["Minimum"], value),
        "Maximum": max(known["Maximum"], value),
    }
