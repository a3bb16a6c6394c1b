"""When to look again: delays in seconds, as pure functions."""

from __future__ import annotations


def poll_delay(seconds_in_phase: float, *, sandbox: bool, changed: bool) -> float:
    """Return how long to wait before the stacks are looked at again.

    The sandbox costs nothing and runs ten times faster than AWS. On AWS, DescribeStackEvents is
    throttled by unpublished limits: 3 s while things move, up to 10 s when nothing did.
    """
    if sandbox:
        return 1.0
    if changed or seconds_in_phase < 60:
        return 3.0
    return 5.0 if seconds_in_phase < 600 else 10.0


def retry_delay(failures: int, *, throttled: bool) -> float:
    """Return the back-off after `failures` failed steps in a row (1 or more): doubling, 30 s at most."""
    first = 2.0 if throttled else 1.0
    return float(min(30.0, first * 2 ** min(failures - 1, 5)))


ASK_DELAY = 15.0
"""Seconds between two looks while a person has to mend credentials or permissions."""

OBSERVE_DELAY = 60.0
"""Seconds between two looks at an environment that nothing is being done to."""
