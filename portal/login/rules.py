"""The two kinds of limits: a wait that doubles with each failure, and a rate of attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Some attempts without a wait, then a wait before each further one, which doubles up to `longest`.

    Times are seconds. Failures are forgotten after `kept` without one.
    """

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
    """`burst` attempts at once, and one more each `every` seconds (the generic cell rate algorithm)."""

    key: str
    burst: int
    every: float


Rule = Backoff | Rate
