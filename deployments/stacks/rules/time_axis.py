"""The time axis of a waterfall: its length and its ticks.

The page's script zooms the axis and extends it while a deployment runs; it gets the `RULES` as data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

STEPS = (
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip
"""Seconds between two ticks; beyond the last one, multiples of it."""
MAX_TICKS = 8
HEADROOM = 0.04
"""The share of the axis that is empty after the last bar."""
MIN_LENGTH = 10_000
"""Minimum length of an axis in milliseconds."""
MARGINS = (1.0, 98.5)
"""Only ticks between these percentages of the axis have space for a label."""
MIN_BAR = 0.3
"""Minimum width of a bar in percent of the axis, so that it is visible."""
RULES: dict[str, Any] = {
    "steps": STEPS,
    "maxTicks": MAX_TICKS,
    "headroom": HEADROOM,
    "margins": MARGINS,
    "minBar": MIN_BAR,
}


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick: its percentage of the axis, and its seconds after the start."""

    percent: float
    seconds: int


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The start and end of the axis in epoch milliseconds."""

    start: int
    end: int

    @classmethod
    def until(cls, start: float, last: float, *, running: bool = False) -> TimeAxis:
        """Return the axis from its start to the last bar's end, with some space after it.

        While a deployment runs, it extends to the next tick, so that the axis changes rarely.
        """
        start = _finite(start)
        last = _finite(last)
        if running:
            step = 1000 * step_for((last - start) / 1000)
            last = start + (int((last - start) / step) + 1) * step
        last = max(start + MIN_LENGTH, last)
        return cls(round(start), round(last + HEADROOM * (last - start)))

    def percent(self, at: float) -> float:
        """Return the position of a time in percent of the axis, clamped to the axis."""
        part = 100 * (at - self.start) / max(1, self.end - self.start)
        return round(min(100.0, max(0.0, part)), 2)

    def seconds(self, at: float) -> float:
        """Return a time as seconds since the start."""
        return round((at - self.start) / 1000, 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Return the ticks, without the one at the start."""
        length = (self.end - self.start) / 1000
        step = step_for(length)
        found = (Tick(100 * number * step / length, number * step) for number in range(1, MAX_TICKS + 1))
        return tuple(tick for tick in found if MARGINS[0] <= tick.percent <= MARGINS[1])


def step_for(seconds: float) -> int:
    """Return the seconds between two ticks of an axis of this length."""
    longest = STEPS[-1]
    return next(
        (step for step in STEPS if seconds / step <= MAX_TICKS),
        longest * math.ceil(seconds / longest / MAX_TICKS),
    )


def _finite(ms: float) -> float:
    return min(max(float(ms), 0.0), 4e15) if math.isfinite(ms) else 0.0
