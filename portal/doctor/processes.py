"""The processes: whether there is at least one of each kind, and whether their versions and clocks agree."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from redis.exceptions import RedisError

from deployments.common import heartbeats
from deployments.common.heartbeats import RunningProcess
from portal.doctor.finding import Finding, ok, problem, warning

WITHOUT = {
    "web": "pages are not served",
    "worker": "no steps are taken",
    "dispatcher": "due rows are not published",
}
MAX_DIFFERENCE = 5.0
"""Seconds by which the clocks of two processes may differ."""


def read() -> list[RunningProcess] | None:
    """Return the processes that report; None if Redis does not respond."""
    try:
        with heartbeats.client() as client:
            return heartbeats.running(client)
    except RedisError:
        return None


def judge(running: Sequence[RunningProcess] | None, version: str = "") -> list[Finding]:
    """Return the kinds of processes that do not run, or run a version other than this code's."""
    if running is None:
        return [warning("processes", "Unknown without Redis.", "Fix Redis first.")]
    version = version or settings.SANSO_VERSION
    missing = [
        problem(
            "processes",
            f"No {kind} process is running: {result}.",
            f"Start one (systemctl start sanso-{kind}).",
        )
        for kind, result in WITHOUT.items()
        if not any(process.kind == kind for process in running)
    ]
    others = [
        problem(
            "versions",
            f"The {process.kind} process {process.name} runs {process.version}, the code here is {version}.",
            f"Restart it (systemctl restart sanso-{process.kind}).",
        )
        for process in running
        if process.version != version
    ]
    text = f"{len(running)} processes are running, all of version {version}."
    return [*missing, *others, *_clocks(running)] or [ok("processes", text)]


def _clocks(running: Sequence[RunningProcess]) -> list[Finding]:
    """Return the processes whose clock differs from Redis's, with which every process compares its own."""
    return [
        problem(
            "process clocks",
            f"The clock of the {process.kind} process {process.name} is {abs(process.skew):.0f} s "
            f"{'ahead of' if process.skew > 0 else 'behind'} Redis's{_result(process.kind, process.skew)}.",
            f"Synchronize the clock of {process.host} (systemctl enable --now chrony).",
        )
        for process in running
        if abs(process.skew) > MAX_DIFFERENCE
    ]


def _result(kind: str, skew: float) -> str:
    """Return what a wrong clock results in: a message is valid for one lease, by the clocks of both sides."""
    if kind == "worker" and skew > settings.SANSO_TICK_LEASE:
        return ": it takes no steps, since their messages seem to have expired"
    if kind == "dispatcher" and skew < -settings.SANSO_TICK_LEASE:
        return ": workers take no steps, since its messages have expired when they arrive"
    return ""
