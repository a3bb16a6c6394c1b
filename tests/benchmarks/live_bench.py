"""The live page: from a commit to the screen, many open streams, long logs. `make bench-live`.

One web process, MariaDB and Redis of its own, Chromium; the one who writes is this process. All of them and
the streams' readers share this machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import django

from tests.benchmarks.machine import machine, percentile
from tests.services import MariaDB, Redis, Service, start_mariadb, start_redis, start_sandbox

if TYPE_CHECKING:
    from deployments.models import Deployment
    from tests.flows.web import Web

EVENTS = 200
STREAMS = 500
STEP = 100
LONG = 50_000


@dataclass
class Place:
    """The services, and whom to log in."""

    folder: Path
    mariadb: MariaDB
    redis: Redis
    web: Web
    session: str

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}"


def prepare(folder: Path) -> Place:
    """Start everything and set Django up."""
    from tests.conftest import choose_environment

    choose_environment("mariadb")
    os.environ["SANSO_DATA_DIR"] = str(folder / "data")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps a loop in this thread
    database, redis = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["REDIS_URL"])
    servers = (
        start_mariadb(folder / "mariadb", port=database.port),
        start_redis(folder / "redis", port=redis.port),
    )
    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from tests.flows.web import start_web
    from tests.live import scenes

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(scenes.make_user("ana"))
    web = start_web(folder / "web", dict(os.environ))
    return Place(folder, *servers, web, client.cookies["sessionid"].value)


def make(count: int = 0) -> Deployment:
    """Make a deployment of nine stacks in the middle of its work."""
    from tests.live import scenes
    from tests.live.many import many_events

    deployment = scenes.make_deployment()
    scenes.plant(deployment)
    if count:
        many_events(deployment, count, repeats=True)
    return scenes.reread(deployment)


def write(deployment: Deployment, number: int) -> float:
    """Write one event, and return when it was committed: the hint is given in the moment after that."""
    from deployments import events
    from deployments.models import Stack
    from tests.live import scenes

    committed: list[float] = []
    announce = events.announce

    def noting(deployment_pk: int, seq: int) -> None:
        committed.append(time.time())
        announce(deployment_pk, seq)

    stack = Stack.objects.get(deployment=deployment, path="Network")
    status = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")[number % 3]
    events.announce = noting
    try:
        scenes.happen(deployment, scenes.event(stack, f"Network{number % 18 + 1}", status))
    finally:
        events.announce = announce
    return committed[0]


def measure_painting(place: Place) -> list[str]:
    """Measure from each of so many commits, at random moments, to its line in the browser's window."""
    from django.contrib.auth.models import User

    from tests.benchmarks.painting import painted, watching

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
        told("the same: median", statistics.median(lags), "s"),
        told("the same: longest", max(lags), "s"),
    ]


def measure_polling(place: Place) -> list[str]:
    """Deploy to the sandbox at pace 1, and measure from each of its events' own time to its line painted."""
    from django.conf import settings

    from deployments.models import Deployment, Event
    from tests.benchmarks.painting import painted, watching
    from tests.benchmarks.polling_portal import ask, programs

    os.environ |= {"SANSO_SANDBOX_MACHINES": "records", "SANSO_SANDBOX_BALANCERS": "builtin"}
    port = urlsplit(settings.SANSO_SANDBOX_URL).port
    servers: list[Service] = [start_sandbox(place.folder / "sandbox", port=port, pace=1, database="embedded")]
    servers += programs(place.folder, dict(os.environ))
    try:
        user, deployment = ask(is_sandbox=True, sandbox_account_id="123456789012")
        with watching(place.web.url, user, deployment.pk) as page:
            until = time.monotonic() + 600
            while Deployment.objects.active().exists() and time.monotonic() < until:
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


def memory(web: Web) -> float:
    """Return the resident memory of the web process in MiB."""
    assert web.process
    pids = [web.process.pid, *children(web.process.pid)]
    found = [re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in pids]
    return sum(int(sizes[0]) for sizes in found if sizes) / 1024


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def read_stream(place: Place, path: str, heard: dict[int, list[float]], opened: asyncio.Event) -> None:
    """Open one stream and note when each event's frame has come in."""
    address = urlsplit(place.web.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {place.cookie}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"retry:"):
                opened.set()
            elif line.startswith(b"id: "):
                heard.setdefault(int(line[4:]), []).append(time.time())
    finally:
        writer.close()


async def many_streams(place: Place, deployment: Deployment) -> list[str]:
    """Open streams step by step, then write events and see how late the last readers hear of them."""
    heard: dict[int, list[float]] = {}
    path = f"/deployments/{deployment.pk}/stream?since={deployment.last_seq}"
    tasks: list[asyncio.Task[None]] = []
    sizes = []
    for count in (10, *range(STEP, STREAMS + 1, STEP)):
        events = []
        while len(tasks) < count:
            events.append(asyncio.Event())
            tasks.append(asyncio.create_task(read_stream(place, path, heard, events[-1])))
        await asyncio.gather(*(event.wait() for event in events))
        for number in range(3):
            await asyncio.to_thread(write, deployment, number)
        await asyncio.sleep(2)
        sizes.append(memory(place.web))
    growth = (sizes[-1] - sizes[1]) / (STREAMS / STEP - 1)
    heard.clear()
    committed = {}
    for number in range(30):
        at = await asyncio.to_thread(write, deployment, number)
        committed[deployment.last_seq] = at
        await asyncio.sleep(random.uniform(0.5, 1.2))
    await asyncio.sleep(3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    lags = [at - committed[seq] for seq, times in heard.items() if seq in committed for at in times]
    complete = all(len(heard.get(seq, ())) == STREAMS for seq in committed)
    return [
        goal(f"{STREAMS} open streams: growth per 100, MiB", growth, 30, ""),
        goal(f"{STREAMS} open streams: event to reader, p95", percentile(lags, 0.95), 1.0),
        told("the same: median", statistics.median(lags), "s"),
        f"| every event to every reader | {'yes' if complete else '**no**'} | yes | |",
        told(
            "memory with 10 / 100 / 500 streams", f"{sizes[0]:.0f} / {sizes[1]:.0f} / {sizes[-1]:.0f}", "MiB"
        ),
    ]


def measure_long(place: Place) -> list[str]:
    """Ask for pages of a log of fifty thousand events, by every way there is."""
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
                told(
                    f"{LONG:,} events, {name}: median / p95",
                    f"{statistics.median(spent[2:]) * 1000:.0f} / {p95 * 1000:.0f}",
                    "ms",
                )
            )
        at = time.perf_counter()
        size = len(client.get(f"{base}/events.csv").raise_for_status().content)
        rows.append(told(f"{LONG:,} events as CSV, {size / 2**20:.1f} MiB", time.perf_counter() - at, "s"))
    return rows


def goal(what: str, measured: float, most: float, unit: str = " s") -> str:
    met = "yes" if measured <= most else "**no**"
    return f"| {what} | {measured:.3g}{unit} | ≤ {most:g}{unit} | {met} |"


def told(what: str, measured: float | str, unit: str) -> str:
    value = f"{measured:.3g}" if isinstance(measured, float) else measured
    return f"| {what} | {value} {unit} | | |"


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
            "| what | measured | wanted | met |",
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
