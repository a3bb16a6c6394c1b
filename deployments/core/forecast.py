"""When a deployment will end, and how sure that is: its plan played many times with usual durations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple
from zlib import crc32

from deployments.core.schedule import PHASE, Schedule, ScheduleState, Span
from deployments.core.usual_durations import UsualDuration

SLOW = 1.15
"""What takes this many times longer than nine of ten runs did is slower than usual."""
LONGEST = 7 * 86_400.0
"""Seconds that nothing takes."""
_NORMAL = NormalDist()
_TABLE = NormalDist().samples(8191, seed=20261125)
_BAND = (0.05, 0.95)
_RARELY = 0.05
"""Seconds after which it is known of something only that it has begun."""


def _below(z: float) -> float:
    """Return the part of a normal distribution that lies below `z` of its deviations."""
    return 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))


_TABLE_BELOW = [_below(z) for z in _TABLE]


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it will end: in the middle, and a band that holds the end nine times of ten. Epoch milliseconds.

    Before it has begun, they count from its beginning. `runs` is the number of earlier deployments that
    this was learned from, 0 for the first one.
    """

    end: float
    low: float
    high: float
    runs: int = 0

    def in_seconds(self, now: float) -> tuple[float, float, float]:
        """Return (end, low, high) as seconds from `now`, none of them negative."""
        end, low, high = (max(0.0, (at - now) / 1000) for at in (self.end, self.low, self.high))
        return end, low, high


@dataclass(frozen=True, slots=True)
class Projection:
    """A forecast, and the expected times of every part: what is known of them, and what is likely."""

    forecast: Forecast
    spans: Mapping[str, Span] = field(default_factory=dict)


def project(
    plan: Schedule,
    usual: Mapping[str, UsualDuration],
    known: Mapping[str, Span],
    now: float,
    *,
    runs: int = 0,
) -> Projection:
    """Return what is to be expected at `now` (epoch milliseconds).

    `usual` has each resource and phase, and for each stack what it takes after the last thing in it.
    `known` are the times of what has begun or ended. The same arguments give the same answer.
    """
    standing = ScheduleState.of(plan, known, now)
    chances = _Sampler(plan, usual, known, now)
    ends = []
    final = plan.parts[-1] if plan.parts[-1].startswith(PHASE) else ""
    last = 2 * plan.number[final] + 1
    for round_ in range(_rounds(standing)):
        ends.append(standing.play(chances.seconds(round_), now)[last])
    ends.sort()
    middle = standing.play(chances.middle(), now)
    spans = {path: Span(middle[2 * number], middle[2 * number + 1]) for path, number in plan.number.items()}
    low, high = (_quantile(ends, part) for part in _BAND)
    end = _quantile(ends, 0.5)
    return Projection(Forecast(end, min(low, end), max(high, end), runs), spans)


def is_slow(usual: UsualDuration | None, seconds: float) -> bool:
    """Tell whether something takes longer than it usually does. Without history, nothing is slow."""
    return (
        usual is not None and usual.runs > 0 and seconds > SLOW * usual.high and seconds > usual.seconds + 3
    )


def _rounds(standing: ScheduleState) -> int:
    """Return how often to play: fewer times where there is much to come, since chances even out."""
    return max(24, min(80, 16_000 // (1 + len(standing.to_come))))


def _quantile(ordered: list[float], part: float) -> float:
    at = part * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


class _Sampler:
    """Durations of the parts by chance, the same in the same round.

    All of them share a pace, learned from what has ended so far: AWS has slow days, and the sandbox's pace
    can be changed.
    """

    def __init__(
        self, plan: Schedule, usual: Mapping[str, UsualDuration], known: Mapping[str, Span], now: float
    ) -> None:
        self.parts = [(path, usual.get(path)) for path in plan.parts]
        self.seeds = [crc32(path.encode()) for path in plan.parts]
        self.shift, self.unsure = _pace(plan, usual, known, now)
        self.live: list[_Running] = []
        for number, (path, own) in enumerate(self.parts):
            span = known.get(path, Span())
            if own is None or (span.end is not None and span.end <= now):
                continue
            elapsed = 0.0
            if span.start is not None and span.start < now and not plan.inside.get(path):
                elapsed = (now - span.start) / 1000
            pace = 0.3 if path.startswith(PHASE) else 1.0
            middle = math.log(min(LONGEST, max(0.05, own.seconds)))
            self.live.append(_Running(number, middle, own.spread, pace, elapsed))

    def seconds(self, round_: int) -> list[float]:
        """Return a duration for each part."""
        found = [0.0] * len(self.parts)
        shared = self.shift + self.unsure * _TABLE[(round_ * 131 + 7) % 8191]
        seeds, step = self.seeds, round_ * 977
        for number, middle, spread, pace, elapsed in self.live:
            chance = (seeds[number] + step) % 8191
            if elapsed <= _RARELY:  # most parts: as `_left`, without the call
                found[number] = math.exp(middle + pace * shared + spread * _TABLE[chance])
            else:
                found[number] = _left(elapsed, middle + pace * shared, spread, _TABLE_BELOW[chance])
        return found

    def middle(self) -> list[float]:
        """Return the duration in the middle for each part."""
        found = [0.0] * len(self.parts)
        for number, middle, spread, pace, elapsed in self.live:
            own = middle + pace * self.shift
            found[number] = math.exp(own) if elapsed <= _RARELY else _left(elapsed, own, spread, 0.5)
        return found


class _Running(NamedTuple):
    """A part that has not ended: the logarithm of its usual seconds, and how long it has gone on."""

    number: int
    middle: float
    spread: float
    pace: float
    elapsed: float


def _left(elapsed: float, middle: float, spread: float, below: float) -> float:
    """Return what something takes of which it is known that it takes longer than `elapsed`.

    `below` is the part of all runs that take less than this one.
    """
    passed = _below((math.log(elapsed) - middle) / spread)
    at = passed + (1 - passed) * below
    if passed > 0.98 or at >= 1:  # slower than it ever was: nobody knows, so in proportion to how long it is
        return elapsed * (1.03 + 0.2 * -math.log(max(1e-6, 1 - below)))
    return math.exp(middle + spread * _NORMAL.inv_cdf(at))


def _pace(
    plan: Schedule, usual: Mapping[str, UsualDuration], known: Mapping[str, Span], now: float
) -> tuple[float, float]:
    """Return the logarithm of how much longer things take this time, and how unsure that is."""
    total, weight, guessed = 0.0, 0.0, 0
    for path, span in known.items():
        own = usual.get(path)
        if own is None or span.start is None or span.end is None or span.end > now or plan.inside.get(path):
            continue
        took = (span.end - span.start) / 1000
        if own.seconds >= 1 and took > 0 and not path.startswith(PHASE):
            off = math.log(took / own.seconds)
            own_weight = min(3.0, math.sqrt(own.seconds / 10)) / (1 + (own.spread / 0.3) ** 2)
            total += max(-2.5, min(2.5, off)) * own_weight
            weight += own_weight
    guessed = sum(1 for own in usual.values() if not own.runs)
    doubt = 0.06 + (0.08 * guessed / len(usual) if usual else 0.0)
    held = 3.0 if doubt < 0.1 else 1.0
    return total / (weight + held), doubt * math.sqrt(held / (weight + held)) + 0.02
