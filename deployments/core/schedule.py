"""The order in which the parts of a deployment can go, and what their times come to.

A nested stack begins when what it needs is there, and ends when all that is in it has ended. The portal's
own phases (`@preflight`, `@configuration` and the like) stand before and after the root stack (""). A
delete goes the other way: what others need goes last.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from deployments.core.dependencies import STACK, Edge, Edges, blocked_by, stack_of

PHASE = "@"
"""What the name of a phase of the portal's own begins with: no logical id does."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something went on, or will; None is not known (yet). Epoch milliseconds."""

    start: float | None = None
    end: float | None = None


class Schedule:
    """The parts with what each needs first. Whatever the edges say, every part has its place in the order.

    `needs` is path → paths; `inside` is stack → what is directly in it. Two acts stand for each part, its
    beginning and its end; `acts` are in an order in which all can be done, each with those it comes after.
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
        self.acts = self._order()

    @classmethod
    def kept(
        cls,
        types: Mapping[str, str],
        edges: Edges,
        *,
        backwards: bool = False,
        before: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
    ) -> Schedule:
        """Return the plan of these parts, made once: a page that is open asks for the same one each time."""
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
        """Tell whether a part holds others, or could."""
        return path in self.inside

    def _order(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return (act, acts before it); 2n is the beginning of part n, 2n + 1 its end."""
        before: dict[int, set[int]] = {}
        for path, n in self.number.items():
            before[2 * n] = {2 * self.number[need] + 1 for need in self.needs.get(path, ())}
            if path and not path.startswith(PHASE):
                before[2 * n].add(2 * self.number[stack_of(path)])
            before[2 * n + 1] = {2 * n, *(2 * self.number[c] + 1 for c in self.inside.get(path, ()))}
        return [(act, tuple(sorted(before[act]))) for act in _in_order(before)]


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
    """Return the acts so that each comes after those before it; a cycle is opened at its first act."""
    left = {act: len(earlier) for act, earlier in before.items()}
    later: dict[int, list[int]] = {}
    for act, earlier in before.items():
        for one in earlier:
            later.setdefault(one, []).append(act)
    ready = [act for act, number in left.items() if not number]
    heapq.heapify(ready)
    stuck = sorted(before)
    done: set[int] = set()
    order: list[int] = []
    while len(order) < len(before):
        if not ready:
            heapq.heappush(ready, next(act for act in stuck if act not in done))
        act = heapq.heappop(ready)
        if act in done:
            continue
        done.add(act)
        order.append(act)
        for one in later.get(act, ()):
            left[one] -= 1
            if not left[one]:
                heapq.heappush(ready, one)
    return order


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How far the parts of a plan are: the times of acts that have happened, and the acts still to come."""

    times: list[float]
    to_come: list[tuple[int, tuple[int, ...]]]

    @classmethod
    def of(cls, plan: Schedule, known: Mapping[str, Span], now: float) -> ScheduleState:
        """Take what is known at `now`. What lies ahead of `now` is not known."""
        times = [0.0] * (2 * len(plan.parts))
        happened: set[int] = set()
        for path, span in known.items():
            n = plan.number.get(path)
            for act, at in () if n is None else ((2 * n, span.start), (2 * n + 1, span.end)):
                if at is not None and at <= now:
                    times[act] = at
                    happened.add(act)
        return cls(times, [one for one in plan.acts if one[0] not in happened])

    def play(self, seconds: Sequence[float], now: float) -> list[float]:
        """Return the times of all acts when each part takes that many seconds, at its end.

        Of a stack that is what it takes after the last thing in it. Nothing to come comes before `now`.
        """
        times = self.times.copy()
        for act, earlier in self.to_come:
            at = 0.0
            for one in earlier:  # most have one or two: quicker than max
                if times[one] > at:
                    at = times[one]
            if act & 1:
                at += 1000 * seconds[act >> 1]
            times[act] = at if at > now else now
        return times
