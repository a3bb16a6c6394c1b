"""The axis of time that all bars share: its ends, its ticks, and where on it a moment lies."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800)
"""Seconds between two ticks. waterfall.js has the same."""
TICKS = 8
"""More do not fit. waterfall.js has the same."""
SLACK = 1.04


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, at so many percent of the axis, with the time since the beginning."""

    percent: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From one moment to another, in epoch milliseconds."""

    start: int
    end: int

    @classmethod
    def over(cls, start: int, last: float, *, running: bool) -> Axis:
        """Return the axis from the beginning to what is the last thing on it.

        While a deployment runs, the end is a tick, so that it moves now and then only.
        """
        seconds = max(1.0, (last - start) / 1000) * SLACK
        if running:
            step = step_for(seconds)
            seconds = (int(seconds / step) + 1) * step
        return cls(start, start + round(seconds * 1000))

    def percent(self, at: float) -> float:
        """Return where a moment lies, in percent of the axis; what is beyond it lies at its ends."""
        part = 100 * (at - self.start) / max(1, self.end - self.start)
        return round(min(100.0, max(0.0, part)), 2)

    def seconds(self, at: float) -> float:
        """Return a moment as seconds since the beginning."""
        return round((at - self.start) / 1000, 1)

    def ticks(self) -> list[Tick]:
        """Return the ticks, without the one at the beginning."""
        length = (self.end - self.start) / 1000
        step = step_for(length)
        return [
            Tick(f"{self.percent(self.start + 1000 * at):g}", label(at))
            for at in range(step, int(length) + 1, step)
            if at < length * 0.985
        ]


def step_for(seconds: float) -> int:
    """Return the seconds between two ticks for an axis of this length."""
    return next((step for step in STEPS if seconds / step <= TICKS), max(STEPS[-1], int(seconds / TICKS) + 1))


def label(seconds: int) -> str:
    """Return a time since the beginning as a clock shows it: 0:30, 4:00, 1:30:00."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
