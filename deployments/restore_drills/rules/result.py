"""Whether failed drills are a problem of their environment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DrillResult:
    """The result of a drill of a database cluster."""

    cluster_id: str
    has_passed: bool


def is_problem(newest_first: Sequence[DrillResult], in_use: Collection[str]) -> bool:
    """Return whether the last drill of a database counts that failed: of one in use, or the last of all.

    A database that is no longer in use cannot pass another one; what it left is no problem.
    """
    last: dict[str, bool] = {}
    for one in newest_first:
        last.setdefault(one.cluster_id, one.has_passed)
    counted = {*in_use, *(one.cluster_id for one in newest_first[:1])}
    return any(not last.get(cluster, True) for cluster in counted)
