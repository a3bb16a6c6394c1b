"""The intervals, timeouts and time scale of an account: one object that pure functions take as a parameter.

`deployments.environments.models.accounts` chooses it for each account; no other module distinguishes
accounts by their kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from deployments.cloudformation.polling import PollingLimits
from deployments.environments.rules.observers import OBSERVED

CURRENT = timedelta(seconds=60)
"""Maximum age of the facts because of which a deployment may fail. While the portal was stopped, for an
upgrade for example, a timeout may have passed without a poll.
"""
WATCHED_DELAY = 15.0
"""Seconds between two polls of an environment's stack while its page is open."""
WITHOUT_RESOURCES = 2.0
"""Minimum of seconds between two polls of a source while the environment has nothing that it observes."""
_MIN_STALE = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """The timings of one account. Intervals are seconds; the defaults are those for AWS.

    `polling` are the limits of polling stack events. `sources` has (fast, idle) of the sources whose
    intervals differ from those in `deployments/environments/rules/observers.py`. `readiness` is the
    interval between two steps of a deployment that waits for its servers, `root` that between two checks of
    its stack in that time, `snapshot` that between two checks of a requested snapshot, `max_site_check` the
    longest one between two failing site checks. `failure_timeout` is how long an association may stay failed
    before the deployment fails: long enough for State Manager to retry it on a replaced server, and for an
    operator to fix it. `readiness_timeout` is how long the environment may take to become ready after
    CloudFormation's end. `scale` is how many seconds an operation takes for each second on AWS.
    """

    polling: PollingLimits = field(default_factory=PollingLimits)
    sources: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    readiness: float = 5.0
    root: float = 30.0
    snapshot: float = 15.0
    max_site_check: float = 30.0
    failure_timeout: timedelta = timedelta(minutes=15)
    readiness_timeout: timedelta = timedelta(minutes=60)
    scale: float = 1.0

    def source_interval(self, source: str, *, fast: bool, is_empty: bool = False) -> float:
        """Return the interval between two polls of a source for one environment.

        `fast` while a deployment waits for it or the environment's page is open; `is_empty` while the
        environment has none of its resources.
        """
        observed = OBSERVED[source]
        quick, idle = self.sources.get(source, (observed.fast, observed.idle))
        interval = quick if fast else idle
        return max(interval, WITHOUT_RESOURCES) if is_empty else interval

    def site_check_delay(self, failures: int) -> float:
        """Return the seconds until the next site check after this many failures in a row: doubling.

        Each check that reaches the application writes a row into its database.
        """
        return min(self.max_site_check, self.readiness * 2.0 ** min(failures - 1, 5))

    def stale_after(self, source: str) -> float:
        """Return the age in seconds at which figures are out of date on an open page: three polls."""
        interval = self.source_interval(source, fast=True) if source in OBSERVED else WATCHED_DELAY
        return max(_MIN_STALE, 3 * interval)


AWS = Timings()
SIMULATED_SCALE = 1 / 12
"""Seconds that an operation of a simulated AWS takes at time scale 1 for each second on AWS."""


def simulated(time_scale: float) -> Timings:
    """Return the timings of a simulated AWS on this machine: it is faster, and its calls are free."""
    return Timings(
        polling=PollingLimits(
            calls_per_minute=1200.0,
            after_events=1.0,
            max_interval=2.0,
            far_ahead=2.0,
            max_quiet_interval=3.0,
            root_interval=10.0,
            trailing_interval=1.0,
        ),
        # Frequent reads would keep the machine busy: what seldom changes is read less often.
        sources=dict.fromkeys(OBSERVED, (1.0, 5.0))
        | {"database": (2.0, 10.0), "backups": (3.0, 15.0)}
        | dict.fromkeys(("site", "maintenance", "metrics"), (3.0, 15.0)),
        readiness=1.0,
        root=5.0,
        snapshot=1.0,
        max_site_check=3.0,
        failure_timeout=timedelta(seconds=90),
        readiness_timeout=timedelta(minutes=10),
        scale=max(0.001, SIMULATED_SCALE * time_scale),
    )
