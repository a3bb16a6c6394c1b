"""The metrics of Aurora clusters in CloudWatch, and the deletion of details from old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

from deployments.aws.cloudwatch import ClusterMetrics
from deployments.health.models.metrics import DatabaseMetrics
from deployments.health.rules.database_metrics import PERIOD, THINNED, begin_of, maximum, read_from
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync

NUMBERS = ("writer_connections", "reader_connections", "replica_lag_ms")


class Metrics:
    """The source `metrics`: one call for 166 clusters of the account."""

    source = "metrics"

    def __init__(self) -> None:
        self._found: Mapping[str, Sequence[ClusterMetrics]] = {}

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Read the metrics of all environments since the oldest of their last polls."""
        mine = [one for one in observed if one.parts.clusters]
        ids = [cluster_id for one in mine for cluster_id in one.parts.clusters]
        if not ids:
            return
        since = min(read_from(one.observation.observed_at, polls.now) for one in mine)
        cloudwatch = polls.clients.cloudwatch
        self._found = polls.call(mine, partial(cloudwatch.cluster_metrics, ids, since, PERIOD)) or {}

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Write the metrics of the environment's clusters."""
        for cluster_id in one.parts.clusters:
            found = self._found.get(cluster_id)
            if found:
                rows = DatabaseMetrics.objects.of(one.environment).since(found[0].start)
                sync(
                    rows.filter(cluster_id=cluster_id),
                    ("start",),
                    {(row.start,): {name: getattr(row, name) for name in NUMBERS} for row in found},
                    polls.now,
                    new={"environment": one.environment, "cluster_id": cluster_id},
                )


def thin(before: datetime, batch: int) -> int:
    """Keep one row of each hour and cluster that ended before a time, with the maxima of the hour.

    Return the number of deleted rows.
    """
    old = DatabaseMetrics.objects.filter(start__lt=begin_of(before, THINNED), is_thinned=False)
    rows = list(old.order_by("start", "pk")[:batch])
    if len(rows) == batch:  # the last hour may continue in the next batch
        last = begin_of(rows[-1].start, THINNED)
        rows = [row for row in rows if begin_of(row.start, THINNED) != last] or rows
    kept, gone = [], []
    for _hour, of_hour in groupby(sorted(rows, key=_hour_of), key=_hour_of):
        first, *others = of_hour
        for name in NUMBERS:
            setattr(first, name, maximum(getattr(row, name) for row in (first, *others)))
        first.is_thinned = True
        kept.append(first)
        gone += [row.pk for row in others]
    DatabaseMetrics.objects.bulk_update(kept, [*NUMBERS, "is_thinned"])
    DatabaseMetrics.objects.filter(pk__in=gone).delete()
    return len(gone)


def _hour_of(row: DatabaseMetrics) -> tuple[int, str, datetime]:
    return row.environment_id, row.cluster_id, begin_of(row.start, THINNED)
