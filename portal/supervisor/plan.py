"""Which programs a run consists of, on which ports, and what it takes from the machine as it is.

What the environment (or .env) already names is used, not started: REDIS_URL, SANSO_SANDBOX_URL.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.supervisor.children import Program

HOST = "127.0.0.1"
# Below 32768, where the kernel takes ports for outgoing connections: a port stays ours over a restart.
PORTS = {"web": 8000, "redis": 26379, "sandbox": 4567}
TRIES = 200


class NoFreePort(Exception):
    """None of the ports that were tried is free; the message names them."""


@dataclass(frozen=True, kw_only=True)
class ProcessPlan:
    """The programs in the order of their start; each of them inherits `environment`."""

    environment: Mapping[str, str]
    services: list[Program]  # what the portal talks to
    portal: list[Program]
    url: str
    notes: list[str]  # what a person should know about the choices made


def make_plan(data: Path, manage: Path) -> ProcessPlan:
    """Choose ports and programs. `data` is the data folder, `manage` the path of manage.py."""
    services, environment, notes = [], {}, []
    wanted = int(os.environ.get("PORT") or PORTS["web"])
    port = free_port(wanted)
    if port != wanted:
        notes.append(f"Port {wanted} is taken, so the portal uses {port}.")
    if "REDIS_URL" not in os.environ:
        redis_port = free_port(PORTS["redis"])
        services.append(redis_program(redis_port, data / "redis"))
        environment["REDIS_URL"] = f"redis://{HOST}:{redis_port}/0"
    if "SANSO_SANDBOX_URL" not in os.environ:
        sandbox_port = free_port(PORTS["sandbox"])
        services.append(sandbox_program(sandbox_port, data / "sandbox"))
        environment["SANSO_SANDBOX_URL"] = f"http://{HOST}:{sandbox_port}"
    python = [sys.executable, str(manage)]
    return ProcessPlan(
        environment=environment,
        services=services,
        portal=[
            Program(name="worker", command=worker_command()),
            Program(name="dispatcher", command=[*python, "dispatch"]),
            Program(name="web", command=web_command(port)),
        ],
        url=f"http://{HOST}:{port}/",
        notes=notes,
    )


def redis_program(port: int, folder: Path) -> Program:
    """Return the machine's own Redis or Valkey, or the stand-in that comes along where it has none."""
    folder.mkdir(parents=True, exist_ok=True)
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        return Program(name="redis", command=[sys.executable, "-m", "portal.redis_server", str(port)])
    kept_in_memory_only = ["--dir", str(folder), "--save", "", "--appendonly", "no"]
    return Program(name="redis", command=[server, "--port", str(port), "--bind", HOST, *kept_in_memory_only])


def sandbox_program(port: int, folder: Path) -> Program:
    environment = {
        "SANSO_SANDBOX_HOST": HOST,
        "SANSO_SANDBOX_PORT": str(port),
        "SANSO_SANDBOX_DATA": str(folder),
    }
    return Program(name="sandbox", command=[sys.executable, "-m", "portal.sandbox"], environment=environment)


def worker_command() -> list[str]:
    """Return the worker's command. Ticks wait for AWS, not for the processor, so they run in threads."""
    celery = [sys.executable, "-m", "celery", "--app", "portal", "worker"]
    return [*celery, "--pool", "threads", "--concurrency", "16", "--without-gossip", "--without-mingle"]


def web_command(port: int) -> list[str]:
    """Return the web server's command. Without a limit it would wait for open event streams for ever."""
    uvicorn = [sys.executable, "-m", "uvicorn", "portal.asgi:application", "--lifespan", "off"]
    return [*uvicorn, "--host", HOST, "--port", str(port), "--timeout-graceful-shutdown", "3"]


def free_port(first: int) -> int:
    """Return the first free loopback port from `first` upwards; raises NoFreePort after many."""
    for port in range(first, first + TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise NoFreePort(f"No port from {first} to {first + TRIES - 1} is free.")
