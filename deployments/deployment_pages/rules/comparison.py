"""Comparison of two deployments: durations, statuses and parameters, and the first difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployments.cloudformation.status import DisplayStatus

MIN_RATIO = 1.25
"""Durations count as different if one is at least this many times the other …"""
MIN_SECONDS = 2.0
"""… and they differ by at least this many seconds. Smaller differences occur between any two runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPart:
    """A stack or resource in one of the deployments.

    `began` is in seconds since the deployment was requested. `seconds` is the duration of its operation, None
    while it is in progress or if it never began. `status` is AWS's last status of that operation, `result`
    the status that the deployment's page displays.
    """

    path: str
    type: str
    began: float | None = None
    seconds: float | None = None
    status: str = ""
    result: DisplayStatus = DisplayStatus.PENDING


class Difference(StrEnum):
    """How a part differs between the two."""

    SAME = "same"
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    STATUS = "status"
    SLOWER = "slower"  # the second took longer
    FASTER = "faster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One part in both deployments."""

    path: str
    type: str
    first: ComparedPart | None
    second: ComparedPart | None
    difference: Difference

    @property
    def change(self) -> float | None:
        """Return how many seconds longer the second took (negative: shorter); None if either is unknown."""
        if self.first is None or self.second is None:
            return None
        if self.first.seconds is None or self.second.seconds is None:
            return None
        return self.second.seconds - self.first.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedParameter:
    """A parameter whose values differ; None where the deployment does not have it."""

    name: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Pairs in the order of their paths, the parameters that differ, and the first pair that differs."""

    pairs: tuple[Pair, ...] = ()
    parameters: tuple[ChangedParameter, ...] = ()
    equal_parameters: int = 0
    divergence: Pair | None = None
    counts: Mapping[Difference, int] = field(default_factory=dict)


def compare(
    first: Iterable[ComparedPart],
    second: Iterable[ComparedPart],
    first_parameters: Mapping[str, str],
    second_parameters: Mapping[str, str],
) -> Comparison:
    """Return the comparison of two deployments. It does not depend on the order of the parts."""
    ours, theirs = {p.path: p for p in first}, {p.path: p for p in second}
    pairs = tuple(
        _pair(path, ours.get(path), theirs.get(path)) for path in sorted(ours.keys() | theirs.keys())
    )
    names = sorted(first_parameters.keys() | second_parameters.keys())
    changed = tuple(
        ChangedParameter(name=name, first=first_parameters.get(name), second=second_parameters.get(name))
        for name in names
        if first_parameters.get(name) != second_parameters.get(name)
    )
    counts = {kind: sum(pair.difference is kind for pair in pairs) for kind in Difference}
    return Comparison(
        pairs=pairs,
        parameters=changed,
        equal_parameters=len(names) - len(changed),
        divergence=_divergence(pairs),
        counts=counts,
    )


def _pair(path: str, first: ComparedPart | None, second: ComparedPart | None) -> Pair:
    known = first or second
    assert known is not None  # noqa: S101  # a path comes from one of the two
    return Pair(path=path, type=known.type, first=first, second=second, difference=_difference(first, second))


def _difference(first: ComparedPart | None, second: ComparedPart | None) -> Difference:
    if first is None:
        return Difference.ONLY_SECOND
    if second is None:
        return Difference.ONLY_FIRST
    if first.result is not second.result:
        return Difference.STATUS
    if first.seconds is None or second.seconds is None:
        return Difference.SAME
    if longer(first.seconds, second.seconds):
        return Difference.SLOWER
    return Difference.FASTER if longer(second.seconds, first.seconds) else Difference.SAME


def longer(first: float, second: float) -> bool:
    """Return whether the second duration counts as longer than the first."""
    return second - first >= MIN_SECONDS and second >= first * MIN_RATIO


def _divergence(pairs: Iterable[Pair]) -> Pair | None:
    """Return the first pair that differs: by its status or by being in one only, else by its duration.

    Of several, return the one that began first in either deployment. A resource comes before its parent
    stacks, which only repeat its status.
    """
    differing = [pair for pair in pairs if pair.difference is not Difference.SAME]
    by_status = [p for p in differing if p.difference not in (Difference.SLOWER, Difference.FASTER)]
    chosen = by_status or differing
    inside = [
        p
        for p in chosen
        if not any(q.path.startswith(f"{p.path}/") or (not p.path and q.path) for q in chosen)
    ]
    return min(inside, key=lambda p: (_began(p), p.path), default=None)


def _began(pair: Pair) -> float:
    starts = [p.began for p in (pair.first, pair.second) if p is not None and p.began is not None]
    return min(starts, default=float("inf"))
