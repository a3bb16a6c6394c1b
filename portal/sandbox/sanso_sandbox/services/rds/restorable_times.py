"""The times between which a cluster could be restored, as DescribeDBClusters returns them.

The latest is typically within the last five minutes, and backups are kept for the retention period.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Backups.html
"""

import datetime
import time
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine.registry import Record
from sanso_sandbox.engine.time_scale import shortened

LAG: Final = 300.0  # AWS's seconds
STEP: Final = 60.0  # AWS's seconds between two values
LEAST_STEP: Final = 5.0  # seconds
DAY: Final = 86_400.0


def install() -> None:
    """Compute the times whenever a cluster is returned."""
    engine = rds._cluster_xml

    def cluster_xml(cluster: Record) -> str:
        return str(engine({**cluster, **restorable_times(cluster)}))

    rds._cluster_xml = cluster_xml


def restorable_times(cluster: Record) -> dict[str, str]:
    """Return the members EarliestRestorableTime and LatestRestorableTime of a cluster.

    The earliest one is the end of the creation, or the beginning of the retention period.
    """
    now = time.time()
    created = datetime.datetime.fromisoformat(cluster["ClusterCreateTime"]).timestamp()
    created = max(created, cluster.get("_RestorableFrom", 0.0))
    earliest = max(created, now - int(cluster["BackupRetentionPeriod"]) * DAY)
    step = shortened(STEP, at_least=LEAST_STEP)
    latest = max(earliest, (now - shortened(LAG)) // step * step)
    return {
        "EarliestRestorableTime": rds._format_time(earliest),
        "LatestRestorableTime": rds._format_time(latest),
    }
