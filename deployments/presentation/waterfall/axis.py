"""The axis of time that all bars of a page share, in percent of its width."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.core import waterfall
from deployments.core.waterfall import MAX_TICKS, STEPS


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

        While a deployment runs, the end is moved up to a tick, so that it changes now and then only.
        """
        if running:
            step = 1000 * _step((last - start) / 1000)
            last = start + (int((last - start) / step) + 1) * step
        found = waterfall.axis(start, last)
        return cls(round(found.start), round(found.end))

    def percent(self, at: float) -> float:
        """Return where a moment lies, in percent of the axis; what is beyond it lies at its ends."""
        part = 100 * (at - self.start) / max(1, self.end - self.start)
        return round(min(100.0, max(0.0, part)), 2)

    def seconds(self, at: float) -> float:
        """Return a moment as seconds since the beginning."""
        return round((at - self.start) / 1000, 1)

    def ticks(self) -> list[Tick]:
        """Return the ticks, without the one at the beginning."""
        last = self.start + (self.end - self.start) / (1 + waterfall.HEADROOM)
        marks = waterfall.axis(self.start, last)
        return [Tick(f"{100 * tick.at:.2f}", label(tick.seconds)) for tick in marks.ticks]


def _step(seconds: float) -> int:
    return next((step for step in STEPS if seconds / step <= MAX_TICKS), STEPS[-1])


def label(seconds: int) -> str:
    """Return a time since the beginning as a clock shows it: 0:30, 4:00, 1:30:00."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
