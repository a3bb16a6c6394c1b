"""When the next step or poll is due, if it does not depend on the account: delays in seconds."""

from __future__ import annotations

import math

from deployments.environments.rules.observers import OBSERVED

ACCESS_RETRY_DELAY = 15.0
"""Seconds between two attempts while an operator must fix credentials or permissions."""
OBSERVE_DELAY = 60.0
"""Seconds between two polls of an environment's stack between deployments."""
FIRST_LOOK_DELAY = 1.0
"""Seconds until a stack with stuck resources is observed: its page lists them."""
WORKER_SILENT = 15.0
"""Seconds without a step after which no worker seems to be running: steps occur every few seconds."""
MAX_IDLE = 30.0
"""Seconds until an observer without due observations is due again."""


def retry_delay(failures: int, *, throttled: bool) -> float:
    """Return the back-off after `failures` failed steps in a row (1 or more): doubling, 30 s at most."""
    first = 2.0 if throttled else 1.0
    return float(min(30.0, first * 2 ** min(failures - 1, 5)))


def next_poll_at(source: str, now: float, delay: float) -> float:
    """Return when to poll a source next, in epoch seconds, about `delay` after `now`.

    Sources whose calls return many environments are polled at common times, up to half the delay early or
    late: otherwise each environment would need its own call.
    """
    if not OBSERVED[source].shares_calls:
        return now + delay
    return math.floor((now + 1.5 * delay) / delay) * delay
