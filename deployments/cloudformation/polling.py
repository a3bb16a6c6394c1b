"""Adaptive polling: the stacks to poll next, so that events appear within seconds at some 20 calls a minute.

Events come in bursts. A stack with new events is polled again soon, a quiet one less and less often, and one
with no events expected soon rarely. A token bucket limits the calls; it refills in quiet times.
The numbers come from simulations of deployments of eleven minutes (tests/cloudformation/test_polling.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingLimits:
    """The polling rate of a deployment's stacks. Times are seconds; the defaults are those for AWS.

    `calls_per_minute` are the average calls of one deployment; others of the same account need some too. A
    deployment has `initial_share` of all its tokens at its beginning, when most events come: at least
    `min_tokens` and at most `max_tokens`.

    A stack with new events is polled again `after_events`; after each poll without, `growth` times as late,
    up to `max_interval`. After `quiet_polls` polls without events, and if the next event is expected in more
    than
    `far_ahead`, it is polled after `share_of_wait` of the time until then, but within `max_quiet_interval`.
    `min_interval` is the minimum between two polls of one stack, and between two steps of a deployment;
    `root_interval` the time between two calls of DescribeStacks for the root stack; `trailing_interval` the
    time between two polls for late events once the root stack's status is final.
    """

    calls_per_minute: float = 20.0
    initial_share: float = 0.5
    min_tokens: float = 20.0
    max_tokens: float = 200.0
    after_events: float = 4.5
    growth: float = 1.3
    max_interval: float = 10.0
    quiet_polls: int = 4
    far_ahead: float = 15.0
    share_of_wait: float = 0.35
    max_quiet_interval: float = 22.0
    min_interval: float = 1.0
    root_interval: float = 120.0
    trailing_interval: float = 3.0

    @property
    def refill_per_second(self) -> float:
        """Return the tokens that a bucket gains each second."""
        return (1 - self.initial_share) * self.calls_per_minute / 60


AWS = PollingLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledStack:
    """A stack that may have new events. Times are epoch seconds; `polled_at` None means never.

    `quiet` is the number of polls in a row without new events. `expected` is the expected time of the next
    event, None if it is unknown. `notified`: AWS sent a notification that the stack has changed.
    """

    path: str
    polled_at: float | None = None
    quiet: int = 0
    expected: float | None = None
    notified: bool = False

    def due(self, now: float, limits: PollingLimits = AWS) -> float:
        """Return when to poll it next."""
        if self.notified or self.polled_at is None:
            return now
        wait = min(limits.max_interval, limits.after_events * limits.growth ** min(self.quiet, 12))
        if self.expected is not None and self.quiet >= limits.quiet_polls:
            ahead = self.expected - self.polled_at
            if ahead > limits.far_ahead:
                wait = min(limits.max_quiet_interval, max(wait, limits.share_of_wait * ahead))
        return self.polled_at + max(wait, limits.min_interval)


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The calls that a deployment may make: `calls` at the time `at` (epoch seconds), then refilled."""

    calls: float = AWS.min_tokens
    at: float = 0.0
    limits: PollingLimits = field(default=AWS)

    @classmethod
    def for_seconds(cls, expected: float, limits: PollingLimits = AWS) -> TokenBucket:
        """Return the bucket of a deployment that is expected to take this many seconds."""
        calls = limits.initial_share * limits.calls_per_minute * expected / 60
        return cls(max(limits.min_tokens, min(limits.max_tokens, calls)), limits=limits)

    @classmethod
    def from_row(cls, stored: Iterable[float], limits: PollingLimits = AWS) -> TokenBucket:
        """Return the bucket that a row stores."""
        calls, at = stored
        return cls(calls, at, limits)

    def at_time(self, now: float) -> TokenBucket:
        """Return the bucket refilled until now."""
        elapsed = max(0.0, now - self.at) if self.at else 0.0
        calls = min(self.limits.max_tokens, self.calls + elapsed * self.limits.refill_per_second)
        return TokenBucket(calls, now, self.limits)

    def spend(self, number: int) -> TokenBucket:
        """Return the bucket after this many calls. It may be negative; then the next calls wait."""
        return TokenBucket(max(-self.limits.min_tokens, self.calls - number), self.at, self.limits)

    def as_row(self) -> list[float]:
        """Return the bucket in the form of a row, without the limits, which belong to the account."""
        return [round(self.calls, 3), self.at]


def choose(polled: Iterable[PolledStack], bucket: TokenBucket, now: float) -> tuple[str, ...]:
    """Return the stacks to poll now: the due ones for which there are tokens, but at least one.

    Stacks with a notification come first and never wait.
    """
    limits = bucket.limits
    stacks = sorted(polled, key=lambda one: (not one.notified, one.due(now, limits), one.path))
    notified = [one.path for one in stacks if one.notified]
    due = [one.path for one in stacks if not one.notified and one.due(now, limits) <= now]
    left = int(max(0.0, bucket.calls)) - len(notified)
    chosen = notified + due[: max(0, left)]
    return tuple(chosen or [one.path for one in stacks[:1]])


def delay(polled: Iterable[PolledStack], bucket: TokenBucket, now: float) -> float:
    """Return the seconds until a stack is due and there is a token for it."""
    limits = bucket.limits
    due = min((one.due(now, limits) for one in polled), default=now + limits.max_interval)
    refill = max(0.0, 1.0 - bucket.calls) / limits.refill_per_second
    return min(limits.max_interval, max(limits.min_interval, due - now, refill))
