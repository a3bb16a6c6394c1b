"""Private Redis processes for tests, and what the sandbox's tests have for any server: `sandbox_tests`.

Each start_* function returns a handle once the server responds. Servers have their own folders, are on
loopback only, and are stopped after the run.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import redis

from deployments.aws.account_ref import AccountRef
from portal.supervisor.answers import pong
from sandbox_tests import processes
from sandbox_tests.processes import (
    LIMIT,
    LOOPBACK,
    STOP_SECONDS,
    ServiceFailed,
    die_with_parent,
    find_program,
    free_port,
    processor_seconds,
    wait_until,
)
from sandbox_tests.sandboxes import Sandbox, bearer, sandbox_answers, start_sandbox, started_sandboxes
from tests import forked

__all__ = [
    "LIMIT",
    "LOOPBACK",
    "STOP_SECONDS",
    "Sandbox",
    "ServiceFailed",
    "bearer",
    "die_with_parent",
    "find_program",
    "free_port",
    "processor_seconds",
    "sandbox_answers",
    "start_sandbox",
    "started_sandboxes",
    "wait_until",
]
EXTERNAL_ID = "0123456789abcdef0123456789abcdef"  # for tests without an account's row
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(kw_only=True)
class Service(processes.Service):
    """A server process that runs in the repository's folder."""

    directory: Path = REPOSITORY

    def spawn(self, log: BinaryIO) -> processes.Process:
        """Fork a process of the portal in tests, so that it need not import everything; start any other."""
        kind = forked.kind_of(self.command) if forked.enabled and self.directory == REPOSITORY else ""
        if not kind:
            return super().spawn(log)
        return forked.fork(kind, self.command, self.directory, {**os.environ, **self.environment}, log)


def account_ref(sandbox: Sandbox, account: str, **values: Any) -> AccountRef:
    """Return the portal's reference to an account, with the role of infra_templates/account.yaml."""
    return AccountRef(
        region="ap-northeast-1",
        endpoint_url=sandbox.url,
        sandbox_account=account,
        token_file=str(sandbox.token_file),
        role_arn=f"arn:aws:iam::{account}:role/sanso-portal",
        external_id=EXTERNAL_ID,
        **{"reads_per_second": 400.0, **values},
    )


@dataclass(kw_only=True)
class Redis(Service):
    """A private Redis that writes an append-only file, as the production settings recommend."""

    url: str

    def flush(self) -> None:
        """Delete all keys. A new connection for each would take longer than the rest of a short test."""
        self._client.flushall()

    def stop(self) -> None:
        """Close the own connection, and stop the server."""
        self._client.close()
        super().stop()

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)


def start_redis(folder: Path, *, port: int | None = None) -> Redis:
    """Start a Redis in `folder` and return it when it responds to PING."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    server = Redis(
        command=[
            find_program("redis-server", "valkey-server"),
            *("--port", str(port), "--bind", LOOPBACK, "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
            *("--maxmemory-policy", "noeviction", "--databases", "16"),
        ],
        folder=folder,
        port=port,
        answers=lambda: redis_answers(port),
        url=f"redis://{LOOPBACK}:{port}/0",
    )
    server.start()
    return server


@contextlib.contextmanager
def small_redis() -> Iterator[Redis]:
    """Run the embedded Redis of `make run`. The path of its socket must be short, unlike paths of pytest."""
    with tempfile.TemporaryDirectory(prefix="sanso-") as folder:
        path = f"{folder}/redis.sock"
        server = Redis(
            command=[sys.executable, "-m", "portal.redis_server", path],
            folder=Path(folder),
            port=0,
            answers=lambda: pong(server.url),
            url=f"unix://{path}?db=0",
        )
        server.start()
        yield server
        server.stop()


def redis_answers(port: int) -> bool:
    """Return whether a Redis on this port responds to PING."""
    try:
        with redis.Redis(host=LOOPBACK, port=port, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
