"""Forecast of a deployment's end: its schedule simulated many times with usual durations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple
from zlib import crc32

from deployments.cloudformation.schedule import PHASE, Schedule, ScheduleState, Span
from deployments.cloudformation.usual_durations import DurationSource, UsualDuration

SLOW = 1.15
"""A part is slow if it takes this many times as long as nine of ten earlier runs."""
MAX_SECONDS = 7 * 86_400.0
"""No part takes longer than this."""
_NORMAL = NormalDist()
_TABLE = NormalDist().samples(8191, seed=20261125)
_INTERVAL = (0.05, 0.95)
_NEGLIGIBLE = 0.05
"""A part that began at most this many seconds ago has used up a negligible share of its duration."""


def _below(z: float) -> float:
    """Return the share of a normal distribution below `z` standard deviations."""
    return 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))


_TABLE_BELOW = [_below(z) for z in _TABLE]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The median of a deployment's end and a 90 % interval, in epoch milliseconds.

    Before the deployment has begun, they count from its beginning. `runs` is the number of earlier
    deployments that the forecast is computed from, 0 for the first one.
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
    """A forecast, and the times of every part: known ones, else expected ones."""

    forecast: Forecast
    spans: Mapping[str, Span] = field(default_factory=dict)


def project(
    schedule: Schedule,
    usual: Mapping[str, UsualDuration],
    known: Mapping[str, Span],
    now: float,
    *,
    runs: int = 0,
) -> Projection:
    """Return the forecast at `now` (epoch milliseconds).

    `usual` has the usual duration of each resource and phase, and for each stack the time after its last part
    has ended. `known` has the times of parts that have begun or ended. The same arguments give the same
    result.
    """
    state = ScheduleState.of(schedule, known, now)
    sampler = _Sampler(schedule, usual, known, now)
    ends = []
    final = schedule.parts[-1] if schedule.parts[-1].startswith(PHASE) else ""
    last = 2 * schedule.number[final] + 1
    for number in range(_sample_size(state)):
        ends.append(state.simulate(sampler.seconds(number), now)[last])
    ends.sort()
    median = state.simulate(sampler.median(), now)
    spans = {path: Span(median[2 * i], median[2 * i + 1]) for path, i in schedule.number.items()}
    low, high = (_quantile(ends, part) for part in _INTERVAL)
    end = _quantile(ends, 0.5)
    return Projection(Forecast(end, min(low, end), max(high, end), runs), spans)


def is_slow(usual: UsualDuration | None, seconds: float) -> bool:
    """Return whether a duration is longer than usual.

    Without history of the same resource nothing is slow: others of its type only serve for a forecast.
    """
    if usual is None or not usual.runs or usual.source != DurationSource.HERE.value:
        return False
    return seconds > SLOW * usual.high and seconds > usual.seconds + 3


def _sample_size(state: ScheduleState) -> int:
    """Return the number of simulations: fewer if many events are to come, since their deviations even out."""
    return max(24, min(80, 16_000 // (1 + len(state.to_come))))


def _quantile(ordered: list[float], part: float) -> float:
    at = part * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


class _Sampler:
    """Random durations of the parts; the same number of a simulation gives the same durations.

    All of them have a common factor, estimated from the parts that have ended: AWS is slower on some days,
    and the time scale of a simulated AWS can be changed.
    """

    def __init__(
        self, schedule: Schedule, usual: Mapping[str, UsualDuration], known: Mapping[str, Span], now: float
    ) -> None:
        self.parts = [(path, usual.get(path)) for path in schedule.parts]
        self.seeds = [crc32(path.encode()) for path in schedule.parts]
        self.shift, self.uncertainty = _common_factor(schedule, usual, known, now)
        self.running: list[_Running] = []
        for number, (path, own) in enumerate(self.parts):
            span = known.get(path, Span())
            if own is None or (span.end is not None and span.end <= now):
                continue
            elapsed = 0.0
            if span.start is not None and span.start < now and not schedule.inside.get(path):
                elapsed = (now - span.start) / 1000
            weight = 0.3 if path.startswith(PHASE) else 1.0
            median = math.log(min(MAX_SECONDS, max(0.05, own.seconds)))
            self.running.append(_Running(number, median, own.spread, weight, elapsed))

    def seconds(self, simulation: int) -> list[float]:
        """Return a duration for each part, in the simulation with this number."""
        found = [0.0] * len(self.parts)
        common = self.shift + self.uncertainty * _TABLE[(simulation * 131 + 7) % 8191]
        seeds, step = self.seeds, simulation * 977
        for number, median, spread, weight, elapsed in self.running:
            sample = (seeds[number] + step) % 8191
            if elapsed <= _NEGLIGIBLE:  # most parts: the same as `_conditional`, without the call
                found[number] = math.exp(median + weight * common + spread * _TABLE[sample])
            else:
                found[number] = _conditional(elapsed, median + weight * common, spread, _TABLE_BELOW[sample])
        return found

    def median(self) -> list[float]:
        """Return the median duration of each part."""
        found = [0.0] * len(self.parts)
        for number, median, spread, weight, elapsed in self.running:
            own = median + weight * self.shift
            found[number] = (
                math.exp(own) if elapsed <= _NEGLIGIBLE else _conditional(elapsed, own, spread, 0.5)
            )
        return found


class _Running(NamedTuple):
    """A part that has not ended. `median` is the logarithm of its usual seconds, `elapsed` in seconds.

    `weight` is the weight of the common factor.
    """

    number: int
    median: float
    spread: float
    weight: float
    elapsed: float


def _conditional(elapsed: float, median: float, spread: float, below: float) -> float:
    """Return the duration of a part that has already taken `elapsed` seconds.

    `below` is the share of all such runs that are shorter.
    """
    passed = _below((math.log(elapsed) - median) / spread)
    at = passed + (1 - passed) * below
    if passed > 0.98 or at >= 1:  # slower than any run before: extrapolate in proportion to the time elapsed
        return elapsed * (1.03 + 0.2 * -math.log(max(1e-6, 1 - below)))
    return math.exp(median + spread * _NORMAL.inv_cdf(at))


def _common_factor(
    schedule: Schedule, usual: Mapping[str, UsualDuration], known: Mapping[str, Span], now: float
) -> tuple[float, float]:
    """Return the logarithm of the factor by which parts take longer this time, and its uncertainty."""
    total, weight = 0.0, 0.0
    for path, span in known.items():
        own = usual.get(path)
        if (
            own is None
            or span.start is None
            or span.end is None
            or span.end > now
            or schedule.inside.get(path)
        ):
            continue
        took = (span.end - span.start) / 1000
        if own.seconds >= 1 and took > 0 and not path.startswith(PHASE):
            off = math.log(took / own.seconds)
            own_weight = min(3.0, math.sqrt(own.seconds / 10)) / (1 + (own.spread / 0.3) ** 2)
            total += max(-2.5, min(2.5, off)) * own_weight
            weight += own_weight
    without_history = sum(1 for own in usual.values() if not own.runs)
    deviation = 0.06 + (0.08 * without_history / len(usual) if usual else 0.0)
    prior = 3.0 if deviation < 0.1 else 1.0
    return total / (weight + prior), deviation * math.sqrt(prior / (weight + prior)) + 0.02
