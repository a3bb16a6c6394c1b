"""The live page: from a commit to the screen, many open streams, long logs. `make bench-live`.

One web process, its own MariaDB and Redis, Chromium; this process writes. All of them and
the streams' readers share this machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sandbox_tests.processes import Service
from tests.benchmarks.live_services import LiveServices, goal, make, prepare, reported, write
from tests.benchmarks.live_streams import many_streams
from tests.benchmarks.machine import machine, percentile
from tests.services import start_sandbox

EVENTS = 200
LONG = 50_000


def measure_painting(place: LiveServices) -> list[str]:
    """Measure the time from each of many commits, at random moments, to its line in the browser's window."""
    from django.contrib.auth.models import User

    from tests.benchmarks.paint_times import painted, watching

    deployment = make()
    committed: dict[int, float] = {}
    with watching(place.web.url, User.objects.get(username="ana"), deployment.pk) as page:
        page.wait_for_timeout(3000)
        for number in range(EVENTS):
            at = write(deployment, number)
            committed[deployment.last_seq] = at
            page.wait_for_timeout(random.uniform(50, 450))
        page.wait_for_timeout(3000)
        times = painted(page)
    lags = [times[seq] - at for seq, at in committed.items()]
    return [
        goal(
            f"event committed to line painted in Chromium, {EVENTS} events: p95", percentile(lags, 0.95), 0.5
        ),
        reported("the same: median", statistics.median(lags), "s"),
        reported("the same: longest", max(lags), "s"),
    ]


def measure_polling(place: LiveServices) -> list[str]:
    """Deploy to the sandbox at time scale 1; measure the time from each event to its painted line."""
    from django.conf import settings

    from deployments.environments.models.deployments import Deployment
    from deployments.stacks.models.events import Event
    from tests.benchmarks.paint_times import painted, watching
    from tests.benchmarks.polling_portal import programs, send

    os.environ["SANSO_SANDBOX_MACHINES"] = "records"
    port = urlsplit(settings.SANSO_SANDBOX_URL).port
    sandbox = start_sandbox(place.folder / "sandbox", port=port, pace=1, database="embedded")
    os.environ |= sandbox.portal_settings
    servers: list[Service] = [sandbox]
    servers += programs(place.folder, dict(os.environ))
    try:
        user, deployment = send(is_sandbox=True, sandbox_account_id="123456789012")
        with watching(place.web.url, user, deployment.pk) as page:
            until, active = time.monotonic() + 600, Deployment.objects.active()
            while active.filter(pk=deployment.pk).exists() and time.monotonic() < until:
                page.wait_for_timeout(500)
            page.wait_for_timeout(3000)
            times = painted(page)
    finally:
        for server in servers:
            server.kill()
    found = Event.objects.filter(deployment=deployment, source="cloudformation", seq__in=list(times))
    lags = [times[event.seq] - event.at.timestamp() for event in found]
    return [
        goal(
            f"sandbox's event to line painted, polling, {len(lags)} events: mean", statistics.mean(lags), 2.5
        ),
        goal("the same: p95", percentile(lags, 0.95), 10),
    ]


def measure_long(place: LiveServices) -> list[str]:
    """Request pages of a log of fifty thousand events in every order and with every filter."""
    import httpx

    deployment = make(LONG)
    base = f"{place.web.url}/deployments/{deployment.pk}"
    ways = {
        "the page": f"{base}/?tab=events",
        "newest lines": f"{base}/events",
        "lines before the middle": f"{base}/events?before={LONG // 2}",
        "lines around an event": f"{base}/events?event={LONG // 3}",
        "one stack, one type": f"{base}/events?stack=Aurora&type=AWS::IAM::Role",
        "problems (there are none)": f"{base}/events?problems=1",
        "a text that nothing has": f"{base}/events?q=nothinglikeit",
    }
    rows = []
    with httpx.Client(headers={"Cookie": place.cookie}, timeout=60) as client:
        for name, url in ways.items():
            spent = []
            for _ in range(12):
                at = time.perf_counter()
                client.get(url).raise_for_status()
                spent.append(time.perf_counter() - at)
            p95 = percentile(spent[2:], 0.95)
            rows.append(
                reported(
                    f"{LONG:,} events, {name}: median / p95",
                    f"{statistics.median(spent[2:]) * 1000:.0f} / {p95 * 1000:.0f}",
                    "ms",
                )
            )
        at = time.perf_counter()
        size = len(client.get(f"{base}/events.csv").raise_for_status().content)
        rows.append(
            reported(f"{LONG:,} events as CSV, {size / 2**20:.1f} MiB", time.perf_counter() - at, "s")
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="a file for the report, which is printed anyway")
    parser.add_argument("--only", choices=["painting", "streams", "long", "polling"], action="append")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="live-bench-"))
    began, load = datetime.now(UTC), os.getloadavg()[0]
    place = prepare(folder)
    parts: dict[str, Callable[[], list[str]]] = {
        "painting": lambda: measure_painting(place),
        "streams": lambda: asyncio.run(many_streams(place, make())),
        "long": lambda: measure_long(place),
        "polling": lambda: measure_polling(place),
    }
    try:
        rows = [row for name, part in parts.items() if name in (options.only or parts) for row in part()]
    finally:
        for server in (place.web, place.redis, place.mariadb):
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    report = "\n".join(
        [
            "## The live page",
            "",
            f"Measured {began:%Y-%m-%d %H:%M} UTC on {machine()}; load {load:.1f} at the start, "
            f"{os.getloadavg()[0]:.1f} at the end. Root and 8 nested stacks, MariaDB, one web process.",
            "",
            "| what | measured | target | met |",
            "|---|--:|--:|---|",
            *rows,
            "",
        ]
    )
    sys.stdout.write(report)
    if options.output:
        options.output.write_text(report)


if __name__ == "__main__":
    main()
