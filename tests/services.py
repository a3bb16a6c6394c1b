"""Private MariaDB, Redis and sandbox processes for tests: own folders, loopback only, stopped after the run.

Each start_* function returns a handle once the server responds. A handle can also `kill()` its server like a
crash and `restart()` it on the same port and data, for the chaos tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from deployments.aws.account_ref import AccountRef
from portal.supervisor.answers import pong

LOOPBACK = "127.0.0.1"
EXTERNAL_ID = "0123456789abcdef0123456789abcdef"  # for tests without an account's row
PORTS = range(
    20000, 32000
)  # below the kernel's ephemeral range (32768 and up), so no outgoing connection uses one
LIMIT = 120.0
"""Seconds that tests wait for any condition; they wait this long only if it never becomes true.

Tests do not measure speed with a clock, which other programs on the machine affect: a test removes the slow
alternative (a fallback, a timeout) and waits for the result.
"""
STOP_SECONDS = 60.0
waited: dict[str, float] = {}
"""Seconds by what was waited for, in this process; `tests.times` reports them."""
started_sandboxes: list[Sandbox] = []
"""Those of this process, also ended ones: what they report about their responses fails the tests."""
REPOSITORY = Path(__file__).resolve().parent.parent


class ServiceFailed(Exception):
    """A server did not start or stop; the message ends with the tail of its log."""


def free_port() -> int:
    """Return a loopback port below 32768 on which nothing listens."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return port
    raise ServiceFailed(f"no free port in {PORTS.start}-{PORTS.stop - 1}")


def wait_until(condition: Callable[[], bool], *, seconds: float = LIMIT, what: str = "") -> None:
    """Wait until `condition()` is true; raise TimeoutError if it is not within `seconds`.

    The pauses between checks increase: most conditions are queries, which use CPU time that the tested code
    needs.
    """
    started, pause = time.monotonic(), 0.01
    try:
        while not condition():
            if time.monotonic() > started + seconds:
                raise TimeoutError(f"{what or 'the condition'} did not come true within {seconds:g} s")
            time.sleep(pause)
            pause = min(1.2 * pause, 0.1)
    finally:
        name = what or getattr(condition, "__qualname__", "the condition")
        waited[name] = waited.get(name, 0) + time.monotonic() - started


@dataclass(kw_only=True)
class Service:
    """A server process: its command, its log, and a check whether it responds."""

    command: list[str]
    folder: Path
    port: int
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    stop_timeout: float = STOP_SECONDS  # seconds from SIGTERM to the kill
    directory: Path = REPOSITORY

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it responds; raise ServiceFailed if it ends or does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*die_with_parent(), *self.command],
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal ends pytest, which then stops the server
            )
        process = self.process
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: process.poll() is not None or self.answers(), seconds=LIMIT)
        if process.poll() is not None or not self.answers():
            self.kill()
            tail = self.log.read_text(errors="replace")[-3000:]
            raise ServiceFailed(f"{self.command[0]} did not start:\n{tail}")

    def stop(self) -> None:
        """Send SIGTERM and wait for the end; kill the process if it takes too long. Harmless when ended."""
        if self.process is None or not self.is_running():
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the process and its group as `kill -9` does, without cleanup."""
        if self.process is None:
            return
        pid = self.process.pid
        if self.process.returncode is not None and Path(f"/proc/{pid}").exists():
            return  # no process of its group is left, and its number is another one's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Pause the process and its group for the duration of the block; ports still accept connections."""
        assert self.process is not None
        group = self.process.pid
        os.killpg(group, signal.SIGSTOP)
        try:
            wait_until(lambda: set(_states(group)) == {"T"}, what="the stop of all processes")
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def restart(self) -> None:
        """Stop the process if it runs, then start it again with the same port and folder."""
        self.stop()
        self.start()


def _states(group: int) -> Iterator[str]:
    """Yield the state of each process of a group, as in /proc/<pid>/stat (proc(5))."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, found = path.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state


def processor_seconds(pid: int) -> float:
    """Return the CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent() -> list[str]:
    """Return a command prefix that kills a server when pytest is killed (Linux; empty elsewhere)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if sys.platform == "linux" and setpriv else []


def find_program(*names: str) -> str:
    """Return the path of the first of `names` that is installed; raise ServiceFailed if none is."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        if found := shutil.which(name, path=places):
            return found
    raise ServiceFailed(f"{' or '.join(names)} is not installed; `make test` installs what the tests need")


@dataclass(kw_only=True)
class Redis(Service):
    """A private Redis that writes an append-only file, as the production settings recommend."""

    url: str

    def flush(self) -> None:
        """Delete all keys."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


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


@dataclass(kw_only=True)
class Sandbox(Service):
    """A private sandbox. Tests use separate 12-digit account ids in it.

    A response that AWS would not send fails the call, and the test (`invalid_responses`).
    """

    reported: int = 0  # bytes of the report that are known

    def invalid_responses(self) -> str:
        """Return what was reported about responses since the last time, "" if nothing was."""
        report = self.folder / "data" / "invalid-responses"
        if not report.exists() or report.stat().st_size == self.reported:
            return ""
        content = report.read_bytes()
        found, self.reported = content[self.reported :], len(content)
        return found.decode()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def token_file(self) -> Path:
        return self.folder / "data" / "token"

    @property
    def portal_settings(self) -> dict[str, str]:
        """The settings of a portal that uses this sandbox."""
        return {"SANSO_SANDBOX_URL": self.url, "SANSO_SANDBOX_TOKEN_FILE": str(self.token_file)}

    def key(self, account: str) -> tuple[str, str]:
        """Return an access key's id and secret for scripts in an account."""
        issued = self.control("POST", "keys", {"name": "script"}, account=account)
        assert isinstance(issued, dict)
        return issued["access_key_id"], issued["secret_access_key"]

    def credentials(self, account: str) -> dict[str, str]:
        """Return the keyword arguments of a boto3 client for an account: its key and this endpoint."""
        key, secret = self.key(account)
        return {"endpoint_url": self.url, "aws_access_key_id": key, "aws_secret_access_key": secret}

    def variables(self, account: str) -> dict[str, str]:
        """Return the variables with which every AWS SDK and tool uses this sandbox, in an account."""
        key, secret = self.key(account)
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def ref(self, account: str, **values: Any) -> AccountRef:
        """Return the portal's reference to an account, with the role of infra_templates/account.yaml."""
        return AccountRef(
            region="ap-northeast-1",
            endpoint_url=self.url,
            sandbox_account=account,
            token_file=str(self.token_file),
            role_arn=f"arn:aws:iam::{account}:role/sanso-portal",
            external_id=EXTERNAL_ID,
            **{"reads_per_second": 400.0, **values},
        )

    def control(self, method: str, path: str, body: object = None, *, account: str = "") -> object:
        """Call the control plane (`/_sanso/<path>`) and return the decoded response."""
        query = f"?account={account}" if account else ""
        request = urllib.request.Request(
            f"{self.url}/_sanso/{path}{query}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **bearer(self.token_file)},
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def start_sandbox(
    folder: Path,
    *,
    port: int | None = None,
    pace: float = 0,
    database: str = "auto",
    machines: str = "",
    prefix: Sequence[str] = (),
    permissions: str = "enforce",
) -> Sandbox:
    """Start `python -m portal.sandbox` with its files in `folder`; with pace 0, nothing waits.

    Machines are processes unless the test or the environment chooses others, because booted ones are slow.
    """
    port = port or free_port()
    server = Sandbox(
        command=[*prefix, sys.executable, "-m", "portal.sandbox"],
        folder=folder,
        port=port,
        answers=lambda: sandbox_answers(port, folder / "data" / "token"),
        environment={
            "SANSO_SANDBOX_TOKEN_FILE": "",
            "SANSO_SANDBOX_HOST": LOOPBACK,
            "SANSO_SANDBOX_PORT": str(port),
            "SANSO_SANDBOX_PACE": str(pace),
            "SANSO_SANDBOX_DATA": str(folder / "data"),
            "SANSO_SANDBOX_DATABASE": database,
            "SANSO_SANDBOX_PERMISSIONS": permissions,
            "SANSO_SANDBOX_RESPONSES": "check",
            "SANSO_SANDBOX_MACHINES": machines or os.environ.get("SANSO_SANDBOX_MACHINES", "processes"),
        },
    )
    server.start()
    started_sandboxes.append(server)
    return server


def bearer(token_file: Path) -> dict[str, str]:
    """Return the header that authorizes a request to a sandbox's control API."""
    token = token_file.read_text() if token_file.exists() else ""
    return {"Authorization": f"Bearer {token}"}


def sandbox_answers(port: int, token_file: Path) -> bool:
    """Return whether a sandbox on this port responds."""
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}/_sanso/about", headers=bearer(token_file))
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
