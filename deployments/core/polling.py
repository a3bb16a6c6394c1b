"""Which stacks to ask for their events next, so that twenty calls a minute show what happens within seconds.

Events come in bursts: a stack that had news is asked again soon, a quiet one less and less often, and one
in which nothing is expected for long hardly ever. Calls are paid from a purse that fills while it is quiet.
The numbers were chosen by playing deployments of eleven minutes (tests/core/test_polling.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CALLS_PER_MINUTE = 20.0
"""What one deployment may spend on average, beside others of the same account."""
INITIAL_SHARE = 0.5
"""Part of what it may spend altogether that it has from the beginning, when most things happen at once."""
REFILL_PER_SECOND = (1 - INITIAL_SHARE) * CALLS_PER_MINUTE / 60
MIN_TOKENS, MAX_TOKENS = 20.0, 200.0
"""Calls that a purse holds at its beginning at least, and ever at most."""
SOON, GROWTH, MAX_INTERVAL = 4.5, 1.3, 10.0
"""Seconds until a stack with news is asked again; how much longer each time without; and at most."""
QUIET_POLLS, FAR_AHEAD = 4, 15.0
"""A stack that was quiet so often, and in which nothing is expected for so many seconds, can wait: for"""
SHARE_OF_WAIT, MAX_QUIET_INTERVAL = 0.35, 22.0
"""that part of the time until then, and so many seconds at most."""
MIN_INTERVAL = 1.0
"""Seconds between two looks at one stack, and between two steps of a deployment, at least."""
ROOT_INTERVAL = 120.0
"""Seconds between two looks at the root stack itself, beside its events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledStack:
    """A stack whose events are not all known. Times are epoch seconds, None = never asked.

    `quiet` is how often in a row it had no news. `expected` is when something in it is expected next, None
    when nobody knows.
    """

    path: str
    asked_at: float | None = None
    quiet: int = 0
    expected: float | None = None
    hinted: bool = False

    def due(self, now: float) -> float:
        """Return when to ask it next."""
        if self.hinted or self.asked_at is None:
            return now
        wait = min(MAX_INTERVAL, SOON * GROWTH ** min(self.quiet, 12))
        if self.expected is not None and self.quiet >= QUIET_POLLS:
            ahead = self.expected - self.asked_at
            if ahead > FAR_AHEAD:
                wait = min(MAX_QUIET_INTERVAL, max(wait, SHARE_OF_WAIT * ahead))
        return self.asked_at + max(wait, MIN_INTERVAL)


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The calls that may be spent: so many at that moment (epoch seconds), more each second."""

    calls: float = MIN_TOKENS
    at: float = 0.0

    @classmethod
    def for_seconds(cls, expected: float) -> TokenBucket:
        """Return the purse of a deployment that is expected to take so long."""
        return cls(max(MIN_TOKENS, min(MAX_TOKENS, INITIAL_SHARE * CALLS_PER_MINUTE * expected / 60)))

    def at_time(self, now: float) -> TokenBucket:
        """Return the purse as it has filled since."""
        gone = max(0.0, now - self.at) if self.at else 0.0
        return TokenBucket(min(MAX_TOKENS, self.calls + gone * REFILL_PER_SECOND), now)

    def spend(self, number: int) -> TokenBucket:
        """Return the purse after so many calls; it can owe some, which the next ones wait for."""
        return TokenBucket(max(-MIN_TOKENS, self.calls - number), self.at)

    def as_row(self) -> list[float]:
        """Return what a row keeps: the arguments that make it again."""
        return [round(self.calls, 3), self.at]


def choose(watched: Iterable[PolledStack], purse: TokenBucket, now: float) -> tuple[str, ...]:
    """Return which stacks to ask now: all that are due, as far as the purse goes, and always one.

    Hints come first and are never put off: who gives one knows.
    """
    stacks = sorted(watched, key=lambda one: (not one.hinted, one.due(now), one.path))
    hinted = [one.path for one in stacks if one.hinted]
    due = [one.path for one in stacks if not one.hinted and one.due(now) <= now]
    can_pay = int(max(0.0, purse.calls)) - len(hinted)
    chosen = hinted + due[: max(0, can_pay)]
    return tuple(chosen or [one.path for one in stacks[:1]])


def delay(watched: Iterable[PolledStack], purse: TokenBucket, now: float) -> float:
    """Return the seconds to wait before anything is worth asking, and can be paid."""
    due = min((one.due(now) for one in watched), default=now + MAX_INTERVAL)
    poor = max(0.0, 1.0 - purse.calls) / REFILL_PER_SECOND
    return min(MAX_INTERVAL, max(MIN_INTERVAL, due - now, poor))
