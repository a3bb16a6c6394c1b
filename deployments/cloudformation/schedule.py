"""The order in which the parts of a deployment can begin and end, and the times that follow from it.

A nested stack begins when its dependencies exist, and ends when everything in it has ended. The portal's own
phases (`@preflight`, `@configuration` and others) come before and after the root stack (""). In a delete, the
order is reversed: dependent resources are deleted first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deployments.cloudformation.dependencies import Edge, Edges, blocked_by, stack_of
from deployments.cloudformation.nested_templates import STACK

PHASE = "@"
"""Prefix of the names of the portal's own phases; no logical id begins with it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Start and end of a part, past or expected, in epoch milliseconds; None if unknown."""

    start: float | None = None
    end: float | None = None


class Schedule:
    """The parts of a deployment and their dependencies, in an order; cycles in the edges are opened.

    `needs` is path → paths; `inside` is stack → the parts directly in it. Each part has two events, its
    beginning and its end; `events` are in a possible order, each with its predecessors.
    """

    def __init__(
        self,
        types: Mapping[str, str],
        edges: Edges,
        *,
        backwards: bool = False,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
    ) -> None:
        paths = {path for path in types if path and not path.startswith(PHASE)}
        for path in list(paths):
            while path := stack_of(path):
                paths.add(path)
        self.parts: tuple[str, ...] = (*before, "", *sorted(paths), *after)
        self.inside: dict[str, list[str]] = {"": []}
        for path in sorted(paths):
            self.inside.setdefault(stack_of(path), []).append(path)
        for path in paths:
            if types.get(path) == STACK:
                self.inside.setdefault(path, [])
        self.needs = self._needs(paths, edges, backwards=backwards)
        for steps in ((*before, ""), ("", *after)):
            for i, step in enumerate(steps[1:], 1):
                self.needs[step] = (steps[i - 1],)
        self.number = {path: i for i, path in enumerate(self.parts)}
        self.events = self._order()

    @classmethod
    def cached(
        cls,
        types: Mapping[str, str],
        edges: Edges,
        *,
        backwards: bool = False,
        before: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> Schedule:
        """Return the schedule of these parts from a cache: an open page uses the same one many times."""
        own = tuple((path, tuple(edges.get(path, ()))) for path in types)
        return _schedule(tuple(types.items()), own, backwards, before, after)

    @staticmethod
    def _needs(paths: set[str], edges: Edges, *, backwards: bool) -> dict[str, tuple[str, ...]]:
        forward = {path: [edge.path for edge in own] for path, own in edges.items()}
        chosen: Mapping[str, Iterable[str]] = blocked_by(edges) if backwards else forward
        found: dict[str, tuple[str, ...]] = {}
        for path in paths:
            around = {path, *_above(path)}
            own = {need for need in chosen.get(path, ()) if need in paths and need not in around}
            found[path] = tuple(sorted(own))
        return found

    def is_stack(self, path: str) -> bool:
        """Return whether a part is a stack, also an empty one."""
        return path in self.inside

    def _order(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return (event, events before it); 2n is the beginning of part n, 2n + 1 its end."""
        before: dict[int, set[int]] = {}
        for path, n in self.number.items():
            before[2 * n] = {2 * self.number[need] + 1 for need in self.needs.get(path, ())}
            if path and not path.startswith(PHASE):
                before[2 * n].add(2 * self.number[stack_of(path)])
            before[2 * n + 1] = {2 * n, *(2 * self.number[c] + 1 for c in self.inside.get(path, ()))}
        return [(event, tuple(sorted(before[event]))) for event in _in_order(before)]


@lru_cache(maxsize=64)
def _schedule(
    types: tuple[tuple[str, str], ...],
    edges: tuple[tuple[str, tuple[Edge, ...]], ...],
    backwards: bool,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> Schedule:
    return Schedule(dict(types), dict(edges), backwards=backwards, before=before, after=after)


def _above(path: str) -> list[str]:
    found = []
    while path := stack_of(path):
        found.append(path)
    return found


def _in_order(before: Mapping[int, set[int]]) -> list[int]:
    """Return the events in topological order; a cycle is opened at its first event."""
    left = {event: len(earlier) for event, earlier in before.items()}
    later: dict[int, list[int]] = {}
    for event, earlier in before.items():
        for one in earlier:
            later.setdefault(one, []).append(event)
    ready = [event for event, number in left.items() if not number]
    heapq.heapify(ready)
    stuck = sorted(before)
    done: set[int] = set()
    order: list[int] = []
    while len(order) < len(before):
        if not ready:
            heapq.heappush(ready, next(event for event in stuck if event not in done))
        event = heapq.heappop(ready)
        if event in done:
            continue
        done.add(event)
        order.append(event)
        for one in later.get(event, ()):
            left[one] -= 1
            if not left[one]:
                heapq.heappush(ready, one)
    return order


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """The times of the events of a schedule that have happened, and the events to come."""

    times: list[float]
    to_come: list[tuple[int, tuple[int, ...]]]

    @classmethod
    def of(cls, schedule: Schedule, known: Mapping[str, Span], now: float) -> ScheduleState:
        """Return the state at `now`; known times after `now` are ignored."""
        times = [0.0] * (2 * len(schedule.parts))
        happened: set[int] = set()
        for path, span in known.items():
            n = schedule.number.get(path)
            for event, at in () if n is None else ((2 * n, span.start), (2 * n + 1, span.end)):
                if at is not None and at <= now:
                    times[event] = at
                    happened.add(event)
        return cls(times, [one for one in schedule.events if one[0] not in happened])

    def simulate(self, seconds: Sequence[float], now: float) -> list[float]:
        """Return the times of all events if each part takes this many seconds.

        For a stack, these are the seconds after the last part in it has ended. No event to come is before
        `now`.
        """
        times = self.times.copy()
        for event, earlier in self.to_come:
            at = 0.0
            for one in earlier:  # most have one or two: faster than max
                if times[one] > at:
                    at = times[one]
            if event & 1:
                at += 1000 * seconds[event >> 1]
            times[event] = at if at > now else now
        return times
