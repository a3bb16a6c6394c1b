"""Events of a deployment as the lines of its log, a page at a time from any position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.core.status import is_cancelled, is_failed
from deployments.models import Deployment, Event
from deployments.models.event import EventQuerySet
from deployments.presentation.filters.events import EventFilter
from deployments.presentation.text import wording

LINES = 500
"""Events in one frame."""
PAGE = 200
"""Lines that are read at a time."""
_MARKED = {"attention": "attention", "ended": "ended", "phase": "phase"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A repeated event."""

    seq: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One event. `sentence` is set for the portal's own, the fields of a resource for CloudFormation's.

    `repeats` are the later events with the same content; `repeat_of` is the number of the line that a
    repeated event belongs to, when it has a line of its own.
    """

    seq: int
    at: datetime
    within: str
    logical_id: str
    type: str
    status: str
    reason: str
    sentence: str
    mark: str
    repeat_of: int = 0
    repeats: tuple[Repeat, ...] = ()

    @property
    def is_problem(self) -> bool:
        """Tell whether the line is a failure that is not collateral, or asks for attention."""
        failed = is_failed(self.status) and not is_cancelled(self.status, self.reason)
        return failed or self.mark in ("attention", "failed", "rolled_back")

    @property
    def times(self) -> int:
        """Return how many events the line stands for."""
        return 1 + len(self.repeats)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A page of the log, oldest line first.

    `earlier` and `later` are the numbers next to which the pages before and after it begin, 0 for none.
    """

    lines: Sequence[LogLine]
    earlier: int
    later: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """Where a page of the log begins: around an event, before or after one, or else at the newest.

    `oldest` begins at the first event instead.
    """

    event: int = 0
    before: int = 0
    after: int = 0
    oldest: bool = False


def line(event: Event, repeats: Sequence[Event] = ()) -> LogLine:
    """Return an event as a line, in the current language."""
    own = event.source == "portal"
    mark = _MARKED.get(event.code, "") if own else ""
    within, _, logical_id = event.subject.rpartition("/") if event.stack else ("", "", event.logical_id)
    return LogLine(
        seq=event.seq,
        at=event.at,
        within=within.replace("/", " ▸ "),
        logical_id=logical_id or event.logical_id,
        type=event.type.removeprefix("AWS::"),
        status=event.status,
        reason=event.reason,
        sentence=wording.event(event) if own else "",
        mark=str(event.values.get("state", "")) if mark == "ended" else mark,
        repeat_of=event.repeat_of,
        repeats=tuple(Repeat(seq=e.seq, at=e.at, reason=e.reason) for e in repeats),
    )


def read(deployment: Deployment, wanted: EventFilter, position: LogPosition, *, up_to: int) -> LogPage:
    """Read one page of the wanted events numbered up to and including `up_to`: two queries, four at most.

    Keyset both ways: a page costs the same wherever it lies, and nothing is counted. Pages are cut by the
    events' numbers, the order in which they became known; the lines of a page are in the order of time.
    """
    found = wanted.events(deployment).up_to(up_to)
    if wanted.folds:
        found = found.firsts()
    events, earlier, later = _read(deployment, found, position)
    repeats = _repeats(deployment, events, up_to) if wanted.folds else {}
    return LogPage(
        lines=[line(event, repeats.get(event.seq, [])) for event in sorted(events, key=_in_time)],
        earlier=events[0].seq if events and earlier else 0,
        later=events[-1].seq if events and later else 0,
    )


def _in_time(event: Event) -> tuple[datetime, int]:
    return event.at, event.seq


def _read(
    deployment: Deployment, found: EventQuerySet, position: LogPosition
) -> tuple[list[Event], bool, bool]:
    """Return the events of a page in their order, and whether there are earlier and later ones."""
    if position.after:
        newer, later = _first(found.after(position.after), PAGE)
        return newer, True, later
    if position.oldest:
        oldest, later = _first(found, PAGE)
        return oldest, False, later
    if position.event:
        middle = _head(deployment, position.event)
        older, earlier = _first(found.up_to(middle).reverse(), PAGE // 2)
        newer, later = _first(found.after(middle), PAGE // 2)
        return older[::-1] + newer, earlier, later
    older, earlier = _first((found.before(position.before) if position.before else found).reverse(), PAGE)
    return older[::-1], earlier, bool(position.before)


def _first(found: EventQuerySet, count: int) -> tuple[list[Event], bool]:
    """Return so many events at the most, and whether there are more."""
    read = list(found[: count + 1])
    return read[:count], len(read) > count


def _head(deployment: Deployment, seq: int) -> int:
    """Return the number of the line that an event belongs to."""
    event = Event.objects.of(deployment).numbered([seq]).first()
    return (event.repeat_of or seq) if event else seq


def _repeats(deployment: Deployment, events: Iterable[Event], up_to: int) -> Mapping[int, list[Event]]:
    found: defaultdict[int, list[Event]] = defaultdict(list)
    numbers = [event.seq for event in events if event.source == "cloudformation"]
    if numbers:
        for event in Event.objects.of(deployment).repeats_of(numbers).up_to(up_to):
            found[event.repeat_of].append(event)
    return found
