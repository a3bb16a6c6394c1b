"""Adaptive polling: which stacks to poll next, so that twenty calls a minute show events within seconds.

Events come in bursts. A stack that had new events is polled again soon, a quiet one less and less often, and
one without events expected for a while rarely. A token bucket limits the calls; it refills in quiet times.
The numbers come from simulations of deployments of eleven minutes (tests/core/test_polling.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CALLS_PER_MINUTE = 20.0
"""Calls of one deployment on average; others of the same account need some too."""
INITIAL_SHARE = 0.5
"""The share of all its tokens that a deployment has at its beginning, when most events come."""
REFILL_PER_SECOND = (1 - INITIAL_SHARE) * CALLS_PER_MINUTE / 60
MIN_TOKENS, MAX_TOKENS = 20.0, 200.0
"""The fewest tokens of a bucket at its beginning, and the most that it ever has."""
INTERVAL_AFTER_EVENTS, GROWTH, MAX_INTERVAL = 4.5, 1.3, 10.0
"""Seconds until a stack with new events is polled again; the factor after each poll without; the maximum."""
QUIET_POLLS, FAR_AHEAD = 4, 15.0
"""After that many polls without events, and if the next event is expected in so many seconds or more, …"""
SHARE_OF_WAIT, MAX_QUIET_INTERVAL = 0.35, 22.0
"""… a stack is polled after this share of the time until then, but after so many seconds at most."""
MIN_INTERVAL = 1.0
"""Minimum of seconds between two polls of one stack, and between two steps of a deployment."""
ROOT_INTERVAL = 120.0
"""Seconds between two calls of DescribeStacks for the root stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledStack:
    """A stack that may have new events. Times are epoch seconds; `polled_at` None means never.

    `quiet` is the number of polls in a row without new events. `expected` is the time at which the next event
    is expected, None if it is unknown. `notified`: AWS sent a notification that the stack has changed.
    """

    path: str
    polled_at: float | None = None
    quiet: int = 0
    expected: float | None = None
    notified: bool = False

    def due(self, now: float) -> float:
        """Return when to poll it next."""
        if self.notified or self.polled_at is None:
            return now
        wait = min(MAX_INTERVAL, INTERVAL_AFTER_EVENTS * GROWTH ** min(self.quiet, 12))
        if self.expected is not None and self.quiet >= QUIET_POLLS:
            ahead = self.expected - self.polled_at
            if ahead > FAR_AHEAD:
                wait = min(MAX_QUIET_INTERVAL, max(wait, SHARE_OF_WAIT * ahead))
        return self.polled_at + max(wait, MIN_INTERVAL)


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The calls that a deployment may make: `calls` at the time `at` (epoch seconds), more each second."""

    calls: float = MIN_TOKENS
    at: float = 0.0

    @classmethod
    def for_seconds(cls, expected: float) -> TokenBucket:
        """Return the bucket of a deployment that is expected to take so many seconds."""
        return cls(max(MIN_TOKENS, min(MAX_TOKENS, INITIAL_SHARE * CALLS_PER_MINUTE * expected / 60)))

    def at_time(self, now: float) -> TokenBucket:
        """Return the bucket as it has refilled until now."""
        elapsed = max(0.0, now - self.at) if self.at else 0.0
        return TokenBucket(min(MAX_TOKENS, self.calls + elapsed * REFILL_PER_SECOND), now)

    def spend(self, number: int) -> TokenBucket:
        """Return the bucket after so many calls. It may be negative; then the next calls wait."""
        return TokenBucket(max(-MIN_TOKENS, self.calls - number), self.at)

    def as_row(self) -> list[float]:
        """Return the arguments of the constructor, as a row stores them."""
        return [round(self.calls, 3), self.at]


def choose(polled: Iterable[PolledStack], bucket: TokenBucket, now: float) -> tuple[str, ...]:
    """Return the stacks to poll now: those that are due, as far as there are tokens, and always one.

    Stacks with a notification come first and never wait.
    """
    stacks = sorted(polled, key=lambda one: (not one.notified, one.due(now), one.path))
    notified = [one.path for one in stacks if one.notified]
    due = [one.path for one in stacks if not one.notified and one.due(now) <= now]
    left = int(max(0.0, bucket.calls)) - len(notified)
    chosen = notified + due[: max(0, left)]
    return tuple(chosen or [one.path for one in stacks[:1]])


def delay(polled: Iterable[PolledStack], bucket: TokenBucket, now: float) -> float:
    """Return the seconds until a stack is due and there is a token for it."""
    due = min((one.due(now) for one in polled), default=now + MAX_INTERVAL)
    refill = max(0.0, 1.0 - bucket.calls) / REFILL_PER_SECOND
    return min(MAX_INTERVAL, max(MIN_INTERVAL, due - now, refill))
