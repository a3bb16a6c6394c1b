"""Events of a deployment as lines of its log, one page at a time from any position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.cloudformation.status import is_cancelled, is_failed
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event, EventQuerySet

LINES = 500
"""Maximum number of events in one update."""
PAGE = 200
"""Number of lines that are read at a time."""
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
    repeated event belongs to if it has its own line.
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
        """Return whether the line is a failure that is not collateral, or needs attention."""
        failed = is_failed(self.status) and not is_cancelled(self.status, self.reason)
        return failed or self.mark in ("attention", "failed", "rolled_back")

    @property
    def times(self) -> int:
        """Return the number of events that the line stands for."""
        return 1 + len(self.repeats)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A page of the log, oldest line first.

    `earlier` and `later` are the numbers of the events next to which the previous and the next page begin, 0
    for none. `known` is the number of the event after which the next page of new events begins, 0 for none.
    """

    lines: Sequence[LogLine]
    earlier: int
    later: int
    known: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPosition:
    """The beginning of a page of the log: around an event, before or after one in time, or at the newest.

    `oldest` begins at the first event instead. `since` is not about time: it selects events stored after one.
    """

    event: int = 0
    before: int = 0
    after: int = 0
    since: int = 0
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
        sentence=event_texts.event(event) if own else "",
        mark=str(event.values.get("state", "")) if mark == "ended" else mark,
        repeat_of=event.repeat_of,
        repeats=tuple(Repeat(seq=e.seq, at=e.at, reason=e.reason) for e in repeats),
    )


def read(deployment: Deployment, wanted: EventFilter, position: LogPosition, *, up_to: int) -> LogPage:
    """Read one page of the wanted events numbered up to and including `up_to`: two queries, five at most.

    All pages together are in the order of time, then of number. Keyset pagination both ways: the cost of a
    page does not depend on its position, and nothing is counted.
    """
    found = wanted.events(deployment).up_to(up_to)
    if wanted.folds:
        found = found.firsts()
    if position.since:
        new, more = _first(found.after(position.since), PAGE)
        lines = [line(event) for event in new]
        return LogPage(lines=lines, earlier=0, later=0, known=new[-1].seq if more else 0)
    events, earlier, later = _read(deployment, found.in_time(), position)
    repeats = _repeats(deployment, events, up_to) if wanted.folds else {}
    return LogPage(
        lines=[line(event, repeats.get(event.seq, [])) for event in events],
        earlier=events[0].seq if events and earlier else 0,
        later=events[-1].seq if events and later else 0,
    )


def _read(
    deployment: Deployment, found: EventQuerySet, position: LogPosition
) -> tuple[list[Event], bool, bool]:
    """Return the events of a page in the order of time, and whether there are earlier and later ones."""
    if position.oldest:
        oldest, later = _first(found, PAGE)
        return oldest, False, later
    at = _event(deployment, position.event or position.after or position.before)
    if at and position.event:
        at = _event(deployment, at.repeat_of) or at
        older, earlier = _first(found.earlier_than(at).reverse(), PAGE // 2 - 1)
        newer, later = _first(found.later_than(at), PAGE // 2)
        return [*older[::-1], *found.numbered([at.seq]), *newer], earlier, later
    if at and position.after:
        newer, later = _first(found.later_than(at), PAGE)
        return newer, True, later
    older, earlier = _first((found.earlier_than(at) if at else found).reverse(), PAGE)
    return older[::-1], earlier, at is not None


def _first(found: EventQuerySet, count: int) -> tuple[list[Event], bool]:
    """Return at most this many events, and whether there are more."""
    read = list(found[: count + 1])
    return read[:count], len(read) > count


def _event(deployment: Deployment, seq: int) -> Event | None:
    """Return the event with a number; None for 0 and for unknown numbers."""
    return Event.objects.of(deployment).numbered([seq]).first() if seq else None


def _repeats(deployment: Deployment, events: Iterable[Event], up_to: int) -> Mapping[int, list[Event]]:
    found: defaultdict[int, list[Event]] = defaultdict(list)
    numbers = [event.seq for event in events if event.source == "cloudformation"]
    if numbers:
        for event in Event.objects.of(deployment).repeats_of(numbers).up_to(up_to):
            found[event.repeat_of].append(event)
    return found
