"""When a resource or stack did what: its status changes as intervals, whatever order they became known in.

Times are whole milliseconds since 1970 (UTC), as the rows keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise

from deployments.core.status import IN_REVIEW, OperationKind, is_complete, is_final, operation_of, stage

Changes = Sequence[Sequence[int | str]]
"""[[epoch ms, status word], …]: a set, so that order and repetition mean nothing."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in one status. `end` is None while it goes on."""

    status: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class OperationRun:
    """One operation from its first event to its last. `end` is None while it goes on.

    One that another took over from (a create that is rolled back) ends where that began. `status` is the
    last word of it. `complete` tells that it came to the end that was wanted.
    """

    operation: OperationKind
    status: str
    start: int
    end: int | None
    intervals: tuple[Interval, ...]

    @property
    def complete(self) -> bool:
        """Tell whether the operation came to the end that was wanted."""
        return self.end is not None and is_complete(self.status)

    @property
    def seconds(self) -> float | None:
        """Return how long it took, None while it goes on."""
        return None if self.end is None else (self.end - self.start) / 1000


@dataclass(frozen=True, slots=True)
class Totals:
    """Runs taken together: from the first start to the last end (None while one goes on), and their sum."""

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
    """Return the changes of all parts, each once, in their order in time."""
    return [[at, status] for at, status in _sorted(change for part in parts for change in part)]


def _sorted(changes: Iterable[Sequence[int | str]]) -> list[tuple[int, str]]:
    found = set()
    for change in changes:
        if (
            isinstance(change, list | tuple)
            and len(change) == 2
            and isinstance(change[0], int | float)
            and change[0] == change[0]
        ):
            found.add((int(change[0]), str(change[1])))
    return sorted(found, key=lambda c: (c[0], stage(c[1]), is_final(c[1]), c[1]))


def intervals(changes: Changes) -> tuple[Interval, ...]:
    """Return the stretches of time in which something went on, in their order.

    Between a final status and the next change nothing goes on. A final status without a beginning (its
    event is missing) is a stretch of no length at its time.
    """
    return tuple(interval for run in runs(changes) for interval in run.intervals)


def runs(changes: Changes) -> tuple[OperationRun, ...]:
    """Return the operations that the changes tell of, one after the other."""
    try:
        return _runs(tuple([tuple(change) for change in changes]))
    except TypeError:  # not what a row keeps
        return _runs(tuple(_sorted(changes)))


@lru_cache(maxsize=16384)
def _runs(changes: tuple[tuple[int | str, ...], ...]) -> tuple[OperationRun, ...]:
    """Return the same, reckoned once: most resources of a page have come to rest."""
    found: list[list[tuple[int, str]]] = []
    for at, word in _sorted(changes):
        if word in ("", IN_REVIEW):
            continue
        last = found[-1][-1][1] if found else ""
        if not found or operation_of(last) is not operation_of(word) or _begins_anew(last, word):
            found.append([])
        found[-1].append((at, word))
    cuts: list[int | None] = [*(later[0][0] for later in found[1:]), None]
    return tuple(_run(one, cut) for one, cut in zip(found, cuts, strict=False))


def _begins_anew(last: str, word: str) -> bool:
    return is_final(last) and not is_final(word)


def _run(changes: list[tuple[int, str]], cut: int | None) -> OperationRun:
    """Return one operation's run; `cut` is when the next one began, None when none did."""
    first, (last_at, last) = changes[0], changes[-1]
    stretches: list[Interval] = []
    for (at, word), (until, _) in pairwise(changes):
        if is_final(word):
            continue  # a second last word: the first one's event and the second's came close together
        if stretches and stretches[-1].status == word:
            stretches[-1] = Interval(word, stretches[-1].start, until)
        else:
            stretches.append(Interval(word, at, until))
    if not is_final(last):
        if stretches and stretches[-1].status == last:
            stretches[-1] = Interval(last, stretches[-1].start, cut)
        else:
            stretches.append(Interval(last, last_at, cut))
    elif not stretches:
        stretches.append(Interval(last, first[0], last_at))
    end = last_at if is_final(last) else cut
    return OperationRun(operation_of(last), last, first[0], end, tuple(stretches))


def run_of(changes: Changes, operation: OperationKind) -> OperationRun | None:
    """Return the latest run of an operation, None when there was none."""
    return next((run for run in reversed(runs(changes)) if run.operation is operation), None)


def of_stack(own: Changes, resources: Iterable[Changes]) -> tuple[Interval, ...]:
    """Return a stack's intervals; from those of its resources where its own events are missing."""
    mine = intervals(own)
    if mine:
        return mine
    below = [interval for changes in resources for interval in intervals(changes)]
    if not below:
        return ()
    latest = max(below, key=lambda one: (one.start, one.status))
    start = min(one.start for one in below)
    return (Interval(latest.status, start, totals(below).end),)


def totals(stretches: Iterable[Interval | OperationRun]) -> Totals:
    """Return what stretches of time come to together; those that go on count for nothing in the sum."""
    all_of_them = list(stretches)
    ends = [one.end for one in all_of_them]
    known = [end for end in ends if end is not None]
    return Totals(
        start=min((one.start for one in all_of_them), default=None),
        end=max(known) if known and len(known) == len(ends) else None,
        busy=sum(one.end - one.start for one in all_of_them if one.end is not None),
        count=len(all_of_them),
    )
