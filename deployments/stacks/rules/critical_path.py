"""The critical path: the chain of resources that determines when a deployment ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployments.cloudformation.dependencies import stacks_around
from deployments.cloudformation.schedule import PHASE, Schedule, Span


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """`chain` has resources and phases in the order of time; `marked` also has their parent stacks."""

    chain: tuple[str, ...] = ()
    marked: frozenset[str] = frozenset()


def critical_path(schedule: Schedule, spans: Mapping[str, Span], *, to: str = "") -> CriticalPath:
    """Return the chain that ends last: from its last part back, each time to the dependency that ended last.

    `to` is its last part instead, if that part has an end: the first failure.

    `spans` has the times of parts that have ended, and the expected times of the others. A part without an
    end is left out. Of several that end at the same time, the last by name is used, so that the same times
    give the same chain.
    """
    latest = _latest_inside(schedule, spans)
    chain: list[str] = []
    counted = [path for path in spans if _counts(schedule, spans, path)]
    at = to if to in counted else max(counted, key=lambda p: (_end(spans, p), p), default="")
    while at:
        chain.append(at)
        before = {leaf for need in _needs(schedule, at) if (leaf := latest.get(need, ""))} - set(chain)
        at = max(before, key=lambda p: (_end(spans, p), p), default="")
    marked = {*chain, *(around for path in chain if path[0] != PHASE for around in stacks_around(path))}
    return CriticalPath(tuple(reversed(chain)), frozenset(marked))


def _counts(schedule: Schedule, spans: Mapping[str, Span], path: str) -> bool:
    return (
        path in schedule.number
        and not schedule.inside.get(path)
        and spans[path].end is not None
        and path != ""
    )


def _end(spans: Mapping[str, Span], path: str) -> float:
    return spans[path].end or 0.0


def _needs(schedule: Schedule, path: str) -> Iterator[str]:
    """Yield the dependencies of a resource and of its parent stacks, including the root's phases."""
    yield from schedule.needs.get(path, ())
    if not path.startswith(PHASE):
        for around in (*stacks_around(path), ""):
            yield from schedule.needs.get(around, ())


def _latest_inside(schedule: Schedule, spans: Mapping[str, Span]) -> dict[str, str]:
    """Return for each part the resource in it that ended last; for a resource, the resource itself."""
    found: dict[str, str] = {}
    for path in sorted(path for path in spans if _counts(schedule, spans, path)):
        around = (path,) if path.startswith(PHASE) else (path, *stacks_around(path), "")
        for part in around:
            best = found.get(part)
            if best is None or (_end(spans, path), path) > (_end(spans, best), best):
                found[part] = path
    return found
