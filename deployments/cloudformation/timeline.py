"""The status changes of a resource or stack as intervals and runs of operations, from events in any order.

Times are integer milliseconds since 1970 (UTC), as the rows store them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise

from deployments.cloudformation.status import (
    IN_REVIEW,
    OperationKind,
    has_reached_goal,
    is_complete,
    is_final,
    operation_of,
    order,
)

Changes = Sequence[Sequence[int | str]]
"""[[epoch ms, status], …]: treated as a set, so order and repetition do not matter."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A period in one status. `end` is None while it continues."""

    status: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class OperationRun:
    """One operation from its first event to its last. `end` is None while it is in progress.

    If another operation follows before its end (a create that is rolled back), it ends where the next begins;
    if only the removal of what it replaced was in progress, it had ended before.
    `status` is its last status.
    """

    operation: OperationKind
    status: str
    start: int
    end: int | None
    intervals: tuple[Interval, ...]

    @property
    def reached(self) -> int | None:
        """Return when it reached its goal, even if what it replaced is removed afterwards; else its end."""
        return next((one.start for one in self.intervals if has_reached_goal(one.status)), self.end)

    @property
    def complete(self) -> bool:
        """Return whether the operation succeeded."""
        return self.end is not None and is_complete(self.status)

    @property
    def seconds(self) -> float | None:
        """Return its duration; None while it is in progress."""
        return None if self.end is None else (self.end - self.start) / 1000


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of runs: from the first start to the last end (None while one is in progress), and the sum."""

    start: int | None
    end: int | None
    busy: int
    count: int


def in_ms(at: datetime) -> int:
    """Return an aware time as milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def at_ms(ms: float) -> datetime:
    """Return the aware time of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def union(*parts: Changes) -> list[list[int | str]]:
    """Return the changes of all parts, each once, in chronological order."""
    return [[at, status] for at, status in _sorted(change for part in parts for change in part)]


def _sorted(changes: Iterable[Sequence[int | str]]) -> list[tuple[int, str]]:
    found = set()
    for change in changes:
        if (
            isinstance(change, list | tuple)
            and len(change) == 2
            and (isinstance(change[0], int) or (isinstance(change[0], float) and math.isfinite(change[0])))
        ):
            found.add((int(change[0]), str(change[1])))
    return sorted(found, key=lambda c: (c[0], order(c[1])))


def intervals(changes: Changes) -> tuple[Interval, ...]:
    """Return the periods in which an operation was in progress, in their order.

    There is no period between a final status and the next change. A final status without a beginning (its
    event is missing) is a period of length zero at its time.
    """
    return tuple(interval for run in runs(changes) for interval in run.intervals)


def runs(changes: Changes) -> tuple[OperationRun, ...]:
    """Return the operations in the changes, one after the other."""
    try:
        return _runs(tuple([tuple(change) for change in changes]))
    except TypeError:  # not the format of a row
        return _runs(tuple(_sorted(changes)))


@lru_cache(maxsize=16384)
def _runs(changes: tuple[tuple[int | str, ...], ...]) -> tuple[OperationRun, ...]:
    """Return `runs` from a cache: most resources of a page no longer change."""
    found: list[list[tuple[int, str]]] = []
    for at, status in _sorted(changes):
        if status in ("", IN_REVIEW):
            continue
        last = found[-1][-1][1] if found else ""
        if not found or operation_of(last) is not operation_of(status) or _begins_again(last, status):
            found.append([])
        found[-1].append((at, status))
    cuts: list[int | None] = [*(later[0][0] for later in found[1:]), None]
    return tuple(_run(one, cut) for one, cut in zip(found, cuts, strict=False))


def _begins_again(last: str, status: str) -> bool:
    return is_final(last) and not is_final(status)


def _run(changes: list[tuple[int, str]], cut: int | None) -> OperationRun:
    """Return one operation's run; `cut` is when the next one began, None without a next one."""
    first, (last_at, last) = changes[0], changes[-1]
    periods: list[Interval] = []
    for (at, status), (until, _) in pairwise(changes):
        if is_final(status):
            continue  # a second final status, reported shortly after the first
        if periods and periods[-1].status == status:
            periods[-1] = Interval(status, periods[-1].start, until)
        else:
            periods.append(Interval(status, at, until))
    if not is_final(last):
        if periods and periods[-1].status == last:
            periods[-1] = Interval(last, periods[-1].start, cut)
        else:
            periods.append(Interval(last, last_at, cut))
    elif not periods:
        periods.append(Interval(last, first[0], last_at))
    is_done = is_final(last) or (cut is not None and has_reached_goal(last))
    end = last_at if is_done else cut
    return OperationRun(operation_of(last), last, first[0], end, tuple(periods))


def run_of(changes: Changes, operation: OperationKind) -> OperationRun | None:
    """Return the latest run of an operation; None if there was none."""
    return next((run for run in reversed(runs(changes)) if run.operation is operation), None)


def of_stack(own: Changes, resources: Iterable[Changes]) -> tuple[Interval, ...]:
    """Return a stack's intervals; if its own events are missing, those from its resources."""
    mine = intervals(own)
    if mine:
        return mine
    below = [interval for changes in resources for interval in intervals(changes)]
    if not below:
        return ()
    latest = max(below, key=lambda one: (one.start, one.status))
    start = min(one.start for one in below)
    return (Interval(latest.status, start, totals(below).end),)


def totals(periods: Iterable[Interval | OperationRun]) -> Totals:
    """Return the totals of periods; the sum excludes those that have not ended."""
    all_of_them = list(periods)
    ends = [one.end for one in all_of_them]
    known = [end for end in ends if end is not None]
    return Totals(
        start=min((one.start for one in all_of_them), default=None),
        end=max(known) if known and len(known) == len(ends) else None,
        busy=sum(one.end - one.start for one in all_of_them if one.end is not None),
        count=len(all_of_them),
    )
