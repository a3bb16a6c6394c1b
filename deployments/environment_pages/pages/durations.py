"""The durations of an environment's deployments beside the median of their kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

LEAST, MOST = 3, 50
"""How many deployments of a kind have a median, and of how many it is at most."""
Kind = tuple[str, str]
"""The kind and the operation of a deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationBar:
    """The length of a bar and the place of the median, in percent of the longest of a list."""

    length: float
    tick: float
    median: float


def duration_bars(
    shown: Mapping[int, tuple[Kind, float]], succeeded: Iterable[tuple[Kind, float]]
) -> dict[int, DurationBar]:
    """Return the bars of deployments by their key, from their kinds and seconds.

    `succeeded` are the kinds and seconds of those that the medians are of; a kind with fewer than `LEAST` has
    none, and no bar.
    """
    by_kind: dict[Kind, list[float]] = defaultdict(list)
    for kind, seconds in succeeded:
        by_kind[kind].append(seconds)
    medians = {kind: median(found) for kind, found in by_kind.items() if len(found) >= LEAST}
    compared = {pk: (medians[kind], seconds) for pk, (kind, seconds) in shown.items() if kind in medians}
    longest = max((one for both in compared.values() for one in both), default=0.0)
    if longest <= 0:
        return {}
    return {
        pk: DurationBar(length=100 * (seconds / longest), tick=100 * (usual / longest), median=usual)
        for pk, (usual, seconds) in compared.items()
    }


def bars_of(environment: Environment, rows: Collection[Deployment]) -> dict[int, DurationBar]:
    """Return the bars of an environment's deployments that have ended (one query)."""
    columns = ("kind", "operation", "scheduled_for", "created_at", "applied_at", "ended_at")
    newest = Deployment.objects.good_of(environment.pk).only(*columns)[:MOST]
    shown = {row.pk: _measured(row) for row in rows if row.ended_at is not None and not row.is_never_begun}
    return duration_bars(shown, map(_measured, newest))


def _measured(row: Deployment) -> tuple[Kind, float]:
    end = row.ended_at or row.began_at
    return (row.kind, row.operation), (end - row.began_at).total_seconds()
