"""The processes: whether there is at least one of each kind, and whether all have this version."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from redis.exceptions import RedisError

from deployments import heartbeats
from deployments.heartbeats import RunningProcess
from portal.doctor.finding import Finding, ok, problem, warning

WITHOUT = {
    "web": "pages are not served",
    "worker": "no steps are taken",
    "dispatcher": "due rows are not published",
}


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
    return [*missing, *others] or [ok("processes", text)]
