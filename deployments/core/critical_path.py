"""The chain of resources that decides when a deployment ends: each waited for the one before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployments.core.dependencies import stacks_around
from deployments.core.schedule import PHASE, Schedule, Span


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """`chain` is of resources and phases, in the order of time; `marked` has the stacks around them too."""

    chain: tuple[str, ...] = ()
    marked: frozenset[str] = frozenset()


def critical_path(plan: Schedule, spans: Mapping[str, Span]) -> CriticalPath:
    """Return the chain that ends last, followed back through what each of its links waited for longest.

    `spans` are of what has ended, and expected ones of what has not; what has no end is left out. Of
    several that end at once the last by name is taken, so that the same times give the same chain.
    """
    latest = _latest_inside(plan, spans)
    chain: list[str] = []
    at = max(
        (path for path in spans if _counts(plan, spans, path)), key=lambda p: (_end(spans, p), p), default=""
    )
    while at:
        chain.append(at)
        before = {leaf for need in _needs(plan, at) if (leaf := latest.get(need, ""))} - set(chain)
        at = max(before, key=lambda p: (_end(spans, p), p), default="")
    marked = {*chain, *(around for path in chain if path[0] != PHASE for around in stacks_around(path))}
    return CriticalPath(tuple(reversed(chain)), frozenset(marked))


def _counts(plan: Schedule, spans: Mapping[str, Span], path: str) -> bool:
    return path in plan.number and not plan.inside.get(path) and spans[path].end is not None and path != ""


def _end(spans: Mapping[str, Span], path: str) -> float:
    return spans[path].end or 0.0


def _needs(plan: Schedule, path: str) -> Iterator[str]:
    """Yield what a resource needs, and what the stacks around it do, the root's phases among it."""
    yield from plan.needs.get(path, ())
    if not path.startswith(PHASE):
        for around in (*stacks_around(path), ""):
            yield from plan.needs.get(around, ())


def _latest_inside(plan: Schedule, spans: Mapping[str, Span]) -> dict[str, str]:
    """Return for each part the resource in it that ended last: of a resource, itself."""
    found: dict[str, str] = {}
    for path in sorted(path for path in spans if _counts(plan, spans, path)):
        around = (path,) if path.startswith(PHASE) else (path, *stacks_around(path), "")
        for part in around:
            best = found.get(part)
            if best is None or (_end(spans, path), path) > (_end(spans, best), best):
                found[part] = path
    return found
