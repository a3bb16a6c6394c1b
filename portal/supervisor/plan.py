"""The programs of a run and their addresses.

Services in the environment (or .env) are used instead of started: REDIS_URL, SANSO_SANDBOX_URL.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

from portal.supervisor import answers
from portal.supervisor.children import Program
from portal.supervisor.listening import HOST, NAME, listen, listen_for_browsers, port_of, socket_path
from sanso_sandbox import environment

PORTS = {"web": 8000, "sandbox": 4567}  # the first ones to try


class BadPort(Exception):
    """Raised when PORT is not a port number."""


@dataclass(frozen=True, kw_only=True)
class ProcessPlan:
    """The programs in the order of their start; each of them inherits `environment`."""

    environment: Mapping[str, str]
    services: list[Program]  # the services that the portal needs
    portal: list[Program]
    url: str
    notes: list[str]  # messages for the user
    listeners: list[socket.socket] = field(default_factory=list)  # open for the whole run


def make_plan(data: Path, manage: Path) -> ProcessPlan:
    """Choose programs and open their addresses. `data` is the data folder, `manage` the path of manage.py.

    Raise BadPort if PORT is not a port, NoFreePort if no port is free.
    """
    services, addresses, notes, listeners = [], {}, [], []
    wanted = wanted_port()
    web, *holders = listen_for_browsers(wanted)
    listeners += [web, *holders]
    if port_of(web) != wanted:
        notes.append(f"Port {wanted} is taken, so the portal uses {port_of(web)}.")
    if "REDIS_URL" not in os.environ:
        redis = redis_program(data / "redis")
        services.append(redis)
        addresses["REDIS_URL"] = redis.url
    if "SANSO_SANDBOX_URL" not in os.environ:
        listeners.append(listen(PORTS["sandbox"]))
        sandbox = sandbox_program(listeners[-1], data / "sandbox")
        services.append(sandbox)
        addresses["SANSO_SANDBOX_URL"] = sandbox.url
    python = [sys.executable, str(manage)]
    return ProcessPlan(
        environment=addresses,
        services=services,
        portal=[
            Program(name="worker", command=worker_command()),
            Program(name="dispatcher", command=[*python, "dispatch"]),
            web_program(web),
        ],
        url=f"http://{NAME}:{port_of(web)}/",
        notes=notes,
        listeners=listeners,
    )


def wanted_port() -> int:
    """Return the port in PORT. Raise BadPort if it is invalid."""
    given = os.environ.get("PORT") or str(PORTS["web"])
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise BadPort(f"PORT is {given!r}, which is not a port number from 1 to 65535.")
    return int(given)


def redis_program(folder: Path) -> Program:
    """Return the machine's own Redis or Valkey, or the included replacement if it has none.

    It listens at a socket in a folder that only its owner can enter, and at no port. A password would add
    nothing: a process that can reach the socket can read the data folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = socket_path(folder)
    url = f"unix://{quote(str(path))}?db=0"
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        command = [sys.executable, "-m", "portal.redis_server", str(path)]
    else:
        command = [server, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]  # kept in memory only
    return Program(
        name="redis", command=command, inherits=environment.own, url=url, answers=partial(answers.pong, url)
    )


def sandbox_program(listener: socket.socket, folder: Path) -> Program:
    """Return the sandbox, which accepts on the socket that it inherits."""
    url = f"http://{HOST}:{port_of(listener)}"
    return Program(
        name="sandbox",
        command=[sys.executable, "-m", "sanso_sandbox", "--fd", str(listener.fileno())],
        environment={"SANSO_SANDBOX_HOST": HOST, "SANSO_SANDBOX_DATA": str(folder)},
        inherits=environment.own,
        descriptors=[listener.fileno()],
        url=url,
        answers=partial(answers.responds, url),
    )


def worker_command() -> list[str]:
    """Return the worker's command. Steps wait for AWS, not for the processor, so they run in threads.

    Workers do not communicate, and the settings (CELERY_WORKER_ENABLE_REMOTE_CONTROL) disable remote control.
    """
    celery = [sys.executable, "-m", "celery", "--app", "portal", "worker"]
    return [*celery, "--pool", "threads", "--concurrency", "16", "--without-gossip", "--without-mingle"]


def web_program(listener: socket.socket) -> Program:
    """Return the web server, which accepts on the socket that it inherits.

    Without a timeout its shutdown would wait for open event streams forever. No proxy is trusted: by default,
    uvicorn accepts X-Forwarded-For from every local process.
    """
    uvicorn = [sys.executable, "-m", "uvicorn", "portal.asgi:application", "--lifespan", "off"]
    limits = ["--forwarded-allow-ips", "", "--timeout-graceful-shutdown", "3"]
    url = f"http://{HOST}:{port_of(listener)}/"
    return Program(
        name="web",
        command=[*uvicorn, "--fd", str(listener.fileno()), *limits],
        descriptors=[listener.fileno()],
        url=url,
        answers=partial(answers.is_healthy, f"{url}healthz"),
    )
