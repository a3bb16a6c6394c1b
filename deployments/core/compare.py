"""Two deployments side by side: what took how long in each, what was asked for, and where they first part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LONGER = 1.25
"""A duration is told as different from this ratio on (or below its inverse) …"""
AT_LEAST = 2.0
"""… and from this many seconds of difference on: below, every run differs from the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPart:
    """A stack or resource in one of the deployments.

    `began` is in seconds from the deployment's request, `seconds` how long its operation took (None while
    it goes on or when it never began), `status` the last word of that operation.
    """

    path: str
    type: str
    began: float | None = None
    seconds: float | None = None
    status: str = ""


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
        """Return by how many seconds the second took longer (less: negative), None when one is not known."""
        if self.first is None or self.second is None:
            return None
        if self.first.seconds is None or self.second.seconds is None:
            return None
        return self.second.seconds - self.first.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedParameter:
    """A parameter whose value is not the same; None where the deployment does not have it."""

    name: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Pairs in the order of their paths; the parameters that differ; the first pair that parts them."""

    pairs: tuple[Pair, ...] = ()
    parameters: tuple[ChangedParameter, ...] = ()
    divergence: Pair | None = None
    counts: Mapping[Difference, int] = field(default_factory=dict)


def compare(
    first: Iterable[ComparedPart],
    second: Iterable[ComparedPart],
    first_parameters: Mapping[str, str],
    second_parameters: Mapping[str, str],
) -> Comparison:
    """Return what is the same and what is not. The order in which parts are given changes nothing."""
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
    return Comparison(pairs=pairs, parameters=changed, divergence=_divergence(pairs), counts=counts)


def _pair(path: str, first: ComparedPart | None, second: ComparedPart | None) -> Pair:
    known = first or second
    assert known is not None  # noqa: S101  # a path comes from one of the two
    return Pair(path=path, type=known.type, first=first, second=second, difference=_difference(first, second))


def _difference(first: ComparedPart | None, second: ComparedPart | None) -> Difference:
    if first is None:
        return Difference.ONLY_SECOND
    if second is None:
        return Difference.ONLY_FIRST
    if first.status != second.status:
        return Difference.STATUS
    if first.seconds is None or second.seconds is None:
        return Difference.SAME
    if _longer(first.seconds, second.seconds):
        return Difference.SLOWER
    return Difference.FASTER if _longer(second.seconds, first.seconds) else Difference.SAME


def _longer(shorter: float, longer: float) -> bool:
    return longer - shorter >= AT_LEAST and longer >= shorter * LONGER


def _divergence(pairs: Iterable[Pair]) -> Pair | None:
    """Return the pair that parted first: ended otherwise or is in one only; else took notably longer or less.

    Of several, the earliest by when it began in either; a resource before the stacks around it, which only
    tell of the resource.
    """
    unlike = [pair for pair in pairs if pair.difference is not Difference.SAME]
    otherwise = [p for p in unlike if p.difference not in (Difference.SLOWER, Difference.FASTER)]
    chosen = otherwise or unlike
    inside = [
        p
        for p in chosen
        if not any(q.path.startswith(f"{p.path}/") or (not p.path and q.path) for q in chosen)
    ]
    return min(inside, key=lambda p: (_began(p), p.path), default=None)


def _began(pair: Pair) -> float:
    starts = [p.began for p in (pair.first, pair.second) if p is not None and p.began is not None]
    return min(starts, default=float("inf"))
