"""The two kinds of limits, a rate and a wait that doubles, and how what is counted of a key decides.

`common/limit_counters.py` has the same in Redis's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import ClassVar, Self

ROUNDING = 0.001
"""A shorter wait, in seconds, is a rounding error."""

# How a slowed rate recovers: by a tenth of the full rate each 20 s, so from a half in 100 s and from the
# minimum in about three minutes.
RECOVERY = 0.1 / 20.0
MIN_SHARE = 1 / 16
SAME_MOMENT = 2.0
"""A rate is slowed down once within this many seconds: what was throttled meanwhile was in flight already."""
LATEST_RETRY = 60.0
"""The longest time, in seconds, after which something refused in the background is told to try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Some attempts without a wait, then a wait before each further one, which doubles up to `longest`.

    Times are seconds. Failures are forgotten after `kept` without one.
    """

    max_wait: ClassVar[float] = 0.0

    key: str
    free: int = 5
    first: int = 5
    longest: int = 900
    kept: int = 24 * 3600

    def wait_after(self, failures: int) -> int:
        """Return the seconds to wait after this many failures: 0 at first, then doubling."""
        if failures < self.free:
            return 0
        return int(min(self.longest, self.first * 2.0 ** min(failures - self.free, 20)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`burst` at once, and one more each `every` seconds (the generic cell rate algorithm).

    What may wait `max_wait` seconds takes its turn in the order of arrival. What happens in the `background`
    leaves half of the burst to others, and gets a later time to try again than what was refused before it.
    """

    key: str
    burst: float
    every: float
    max_wait: float = 0.0
    background: bool = False

    def used(self, full_in: float) -> int:
        """Return how much of the burst is used if all of it is available again in so many seconds."""
        return max(0, ceil(full_in / self.every - ROUNDING))


Limit = Backoff | Rate


@dataclass(slots=True)
class Count:
    """What is counted of a key, of both kinds, with the names of the fields in Redis. Times are seconds.

    Of a rate: `full_at`, when all of the burst is available again: each use moves it forward by the length of
    one, and one that may wait is queued by moving it into the future, so that none overtakes another.
    `share`: how much of the rate was left at `share_at`, after it was slowed down. `later`: the last time
    that was given to something refused.
    """

    failures: int = 0
    until: float = 0.0
    full_at: float = 0.0
    share: float = 1.0
    share_at: float = 0.0
    later: float = 0.0
    kept_until: float = float("inf")

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Self:
        """Return what a hash in Redis has of a rate."""
        return cls(
            full_at=float(row.get("full_at", 0)),
            share=float(row.get("share", 1)),
            share_at=float(row.get("share_at", 0)),
        )

    def share_of(self, now: float) -> float:
        """Return how much of the full rate is available."""
        return min(1.0, self.share + max(0.0, now - self.share_at) * RECOVERY)

    def wait(self, limit: Limit, now: float) -> float:
        """Return the seconds until the limit allows one more; not positive if it does."""
        if isinstance(limit, Backoff):
            return self.until - now
        burst = max(1, floor(limit.burst * self.share_of(now)))
        ahead = burst - 1 - (burst // 2 if limit.background else 0)
        return max(self.full_at, now) - ahead * self._length(limit, now) - now

    def add(self, limit: Limit, now: float) -> None:
        """Count one."""
        if isinstance(limit, Rate):
            self.full_at = max(self.full_at, now) + self._length(limit, now)
            return
        self.failures += 1
        self.kept_until = now + limit.kept
        if seconds := limit.wait_after(self.failures):
            self.until = now + seconds

    def undo(self, limit: Limit) -> None:
        """Remove one: it is not to be counted."""
        self.failures, self.until = max(0, self.failures - 1), 0.0
        self.full_at -= limit.every if isinstance(limit, Rate) else 0.0

    def retry_in(self, limit: Limit, now: float, wait: float) -> float:
        """Return the seconds after which to try again what was refused."""
        if isinstance(limit, Backoff) or not limit.background:
            return wait
        self.later = min(max(self.later, now + wait) + self._length(limit, now), now + LATEST_RETRY)
        return self.later - now

    def slow_down(self, now: float) -> None:
        """Halve the rate, which then recovers."""
        if now - self.share_at >= SAME_MOMENT:
            self.share, self.share_at = max(MIN_SHARE, self.share_of(now) / 2), now

    def _length(self, limit: Rate, now: float) -> float:
        return limit.every / self.share_of(now)
