"""The events of DescribeEvents: failovers and restarts, with RDS's messages."""

import time

from ministack.core.responses import new_uuid
from ministack.services import rds

from sanso_sandbox.engine.registry import Record

KEPT = 14 * 86400.0  # seconds


def add(source: Record, message: str, category: str) -> None:
    """Add an event of a cluster or an instance.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
    """
    now = time.time()
    for key, event in list(rds._events.items()):
        if event["Date"] < now - KEPT:
            rds._events.pop(key, None)
    instance = "DBInstanceIdentifier" in source
    rds._events[new_uuid()] = {
        "SourceIdentifier": source["DBInstanceIdentifier" if instance else "DBClusterIdentifier"],
        "SourceType": "db-instance" if instance else "db-cluster",
        "SourceArn": source.get("DBInstanceArn" if instance else "DBClusterArn", ""),
        "Message": message,
        "Date": now,
        "EventCategories": [category],
    }
