"""Five hundred open streams on one web process: its memory, and the delay at the last client."""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.benchmarks.live_services import LiveServices, goal, reported, write
from tests.benchmarks.machine import percentile

if TYPE_CHECKING:
    from deployments.environments.models.deployments import Deployment
    from tests.flows.web import Web

STREAMS = 500
STEP = 100


def memory(web: Web) -> float:
    """Return the resident memory of the web process in MiB."""
    assert web.process
    pids = [web.process.pid, *children(web.process.pid)]
    found = [re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in pids]
    return sum(int(sizes[0]) for sizes in found if sizes) / 1024


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def read_stream(
    place: LiveServices, path: str, heard: dict[int, list[float]], opened: asyncio.Event
) -> None:
    """Open one stream and record when each event's update was received."""
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


async def many_streams(place: LiveServices, deployment: Deployment) -> list[str]:
    """Open streams step by step, then write events and measure the delay of the last clients."""
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
        reported("the same: median", statistics.median(lags), "s"),
        f"| every event to every reader | {'yes' if complete else '**no**'} | yes | |",
        reported(
            "memory with 10 / 100 / 500 streams", f"{sizes[0]:.0f} / {sizes[1]:.0f} / {sizes[-1]:.0f}", "MiB"
        ),
    ]
