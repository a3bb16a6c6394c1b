"""The axis of time that the bars of a waterfall share: how long it is, and where its ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

STEPS = (
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip
"""Seconds between two ticks that people can count in."""
MAX_TICKS = 8
HEADROOM = 0.04
"""How much of the axis stays empty after the last thing on it."""
MIN_LENGTH = 10_000
"""Milliseconds that an axis spans at least."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis, so many seconds after the deployment's beginning."""

    at: float
    seconds: int


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of time as wide as the page, in epoch milliseconds."""

    start: float
    end: float
    ticks: tuple[Tick, ...] = ()

    def at(self, ms: float) -> float:
        """Return where a moment stands, from 0 to 1; what lies outside stands at the edge."""
        return min(1.0, max(0.0, (ms - self.start) / (self.end - self.start)))


def axis(begin: float, last: float) -> Axis:
    """Return the axis from the beginning to the last thing on it, with a little room after that."""
    begin = _sane(begin)
    last = max(begin + MIN_LENGTH, _sane(last))
    end = last + HEADROOM * (last - begin)
    return Axis(begin, end, _ticks(Axis(begin, end)))


def _sane(ms: float) -> float:
    return min(max(float(ms), 0.0), 4e15) if math.isfinite(ms) else 0.0


def _ticks(shown: Axis) -> tuple[Tick, ...]:
    seconds = (shown.end - shown.start) / 1000
    step = next((step for step in STEPS if seconds / step <= MAX_TICKS), 0)
    if not step:
        step = STEPS[-1] * math.ceil(seconds / STEPS[-1] / MAX_TICKS)
    last = math.floor(seconds / step)
    found = (Tick(shown.at(shown.start + 1000 * n * step), n * step) for n in range(1, last + 1))
    return tuple(tick for tick in found if tick.at < 0.985)
