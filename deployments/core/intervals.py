"""When to look again: delays in seconds, as pure functions."""

from __future__ import annotations

import math

from deployments.core.sources import OBSERVED


def retry_delay(failures: int, *, throttled: bool) -> float:
    """Return the back-off after `failures` failed steps in a row (1 or more): doubling, 30 s at most."""
    first = 2.0 if throttled else 1.0
    return float(min(30.0, first * 2 ** min(failures - 1, 5)))


ACCESS_RETRY_DELAY = 15.0
"""Seconds between two looks while a person has to mend credentials or permissions."""

OBSERVE_DELAY = 60.0
"""Seconds between two looks at an environment that nothing is being done to."""

WATCHED_DELAY = 15.0
"""The same while someone looks at it."""


def ready_delay(*, sandbox: bool) -> float:
    """Return how long a deployment that waits for servers rests: it reads what observers have found."""
    return 1.0 if sandbox else 5.0


def probe_delay(tries: int, *, sandbox: bool) -> float:
    """Return how long a site rests that has not answered `tries` times in a row (1 or more): doubling.

    Each try that gets through to the application leaves a row in its database.
    """
    most = 3.0 if sandbox else 30.0
    return min(most, ready_delay(sandbox=sandbox) * 2.0 ** min(tries - 1, 5))


def root_delay(*, sandbox: bool) -> float:
    """Return how often it asks meanwhile whether the stack is still there."""
    return 5.0 if sandbox else 30.0


_SANDBOX_FAST, _SANDBOX_IDLE = 1.0, 5.0
_SANDBOX_SITE_FAST, _SANDBOX_SITE_IDLE = 3.0, 15.0
"""The sandbox's servers share one machine, and reads keep them busy."""
_SOONEST_OLD = 6.0


def poll_interval(source: str, *, sandbox: bool, fast: bool) -> float:
    """Return how long a source's facts of one environment may rest before they are asked for again.

    `fast` while a deployment waits for them or someone looks. The sandbox runs ten times as fast as AWS and
    costs nothing.
    """
    if sandbox and source == "site":
        return _SANDBOX_SITE_FAST if fast else _SANDBOX_SITE_IDLE
    if sandbox:
        return _SANDBOX_FAST if fast else _SANDBOX_IDLE
    observed = OBSERVED[source]
    return observed.fast if fast else observed.idle


def stale_after(source: str, *, sandbox: bool) -> float:
    """Return from which age on a source's figures are called old while someone looks: three turns missed."""
    delay = poll_interval(source, sandbox=sandbox, fast=True) if source in OBSERVED else WATCHED_DELAY
    return max(_SOONEST_OLD, 3 * delay)


def next_poll_at(source: str, now: float, delay: float) -> float:
    """Return when to look next, in seconds of the epoch, `delay` or so after `now`.

    Sources that tell of many environments at once are asked at common moments, half the delay early or
    late: each environment at its own would cost a call each.
    """
    if not OBSERVED[source].shares_calls:
        return now + delay
    return math.floor((now + 1.5 * delay) / delay) * delay


MAX_IDLE = 30.0
"""Seconds between two looks of an observer that has nothing to do."""
