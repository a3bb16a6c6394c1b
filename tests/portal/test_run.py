"""`manage.py run` with all its services, as on a fresh machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from sandbox_tests import unprivileged
from tests import prepared
from tests.services import LIMIT, LOOPBACK, REPOSITORY, free_port, wait_until

CHOSEN_BY_TESTS = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"),
    *("SANSO_SANDBOX_URL", "SANSO_SANDBOX_TOKEN_FILE"),
)
LISTENS = "0A"  # the state in /proc/net/tcp
MARK = re.compile(rb"SANSO_RUN_MARK=([0-9a-f]{32})")
LOGIN = re.compile(r"Log in as (\S+) with the password (\S+)")


class Portal:
    """A `manage.py run` in its own process, and its output so far."""

    def __init__(
        self, data: Path, port: int, *, umask: int = -1, prefix: Sequence[str] = (), **environment: str
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_TESTS}
        self.data, self.printed = data, ""
        self.marks: set[bytes] = set()
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "manage.py", "run"],
            cwd=REPOSITORY,
            env=inherited | {"SANSO_DATA_DIR": str(data), "PORT": str(port)} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=umask,
            start_new_session=True,
        )

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.printed:
            line = self.process.stdout.readline()
            assert line, f"ended without saying {text!r}: {self.printed}"
            self.printed += line

    @property
    def url(self) -> str:
        found = re.search(r"running at (\S+)", self.printed)
        assert found
        return found[1]

    def log_in(self) -> httpx.Response:
        found = LOGIN.search(self.printed)
        assert found
        with httpx.Client(base_url=self.url, follow_redirects=True) as browser:
            page = browser.get("/")
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
            assert token
            form = {"username": found[1], "password": found[2], "csrfmiddlewaretoken": token[1]}
            return browser.post(str(page.url), data=form, headers={"Referer": str(page.url)})

    def processes(self) -> dict[int, str]:
        """Return the commands of all processes of this run, except the supervisor, by process id.

        The portal's processes have its data folder in their environment, the others its mark. A real
        redis-server is not included, since it overwrites its environment with its title.
        """
        folder = f"SANSO_DATA_DIR={self.data}\0".encode()
        seen = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            seen[int(entry.name)] = environment, command
            if folder in environment and (mark := MARK.search(environment)):
                self.marks.add(mark[1])
        return {
            pid: command
            for pid, (environment, command) in seen.items()
            if pid != self.process.pid
            and (folder in environment or any(mark in environment + command.encode() for mark in self.marks))
        }

    def pid_of(self, words: str, *, other_than: int = 0) -> int:
        """Wait for the process with this text in its command, and return its id."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid, command in self.processes().items() if words in command]
            found[:] = [pid for pid in found if pid != other_than]
            return bool(found)

        wait_until(look, what=f"a process of {words}")
        return max(found)

    def environment_of(self, words: str) -> dict[str, str]:
        """Return the environment of the process with this text in its command."""
        text = Path(f"/proc/{self.pid_of(words)}/environ").read_text()
        return dict(part.split("=", 1) for part in text.split("\0") if "=" in part)

    def ports_of(self, words: str) -> set[int]:
        """Return the ports of 127.0.0.1 on which the process with this text in its command listens."""
        places = (Path(f"/proc/{self.pid_of(words)}") / "fd").glob("*")
        sockets = {str(place.readlink()) for place in places}
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return {
            int(row[1].partition(":")[2], 16)
            for row in rows
            if row[3] == LISTENS and f"socket:[{row[9]}]" in sockets and row[1].startswith("0100007F")
        }

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}healthz").status_code == 200
        except httpx.HTTPError:
            return False

    def has_ended(self) -> bool:
        return not self.processes()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.printed += self.process.communicate(timeout=LIMIT)[0]
        return self.process.returncode


def readable_by_others(folder: Path) -> list[Path]:
    everything = [folder, *folder.rglob("*")]
    return [path for path in everything if not path.is_symlink() and path.stat().st_mode & 0o077]


@pytest.fixture
def portals() -> Iterator[list[Portal]]:
    started: list[Portal] = []
    yield started
    for portal in started:
        portal.process.kill()
        portal.process.wait()
        if portal.process.stdout:
            portal.process.stdout.close()
    for portal in started:
        wait_until(portal.has_ended, what="the end of all processes")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a database of an earlier start: only some tests begin without one.

    cfn-lint has checked the bundled template set there.
    """
    return started_before(tmp_path / "data")


def started_before(folder: Path) -> Path:
    shutil.copytree(prepared.migrated_data_folder(), folder)
    return folder


@pytest.fixture
def without_redis(tmp_path: Path) -> str:
    """A PATH with only the Python interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    return str(folder)


def test_a_run_on_a_fresh_machine_has_a_page_a_login_and_all_services(
    portals: list[Portal], tmp_path: Path, without_redis: str
) -> None:
    portal = Portal(tmp_path / "data", free_port(), PATH=without_redis)
    portals.append(portal)
    portal.wait_for("Ctrl-C")

    page = portal.log_in()
    assert page.status_code == 200
    assert "csrfmiddlewaretoken" in page.text  # the logout button
    commands = " ".join(portal.processes().values())
    for part in ("portal.redis_server", "sanso_sandbox", "celery", "dispatch", "uvicorn"):
        assert part in commands
    assert "Sandbox machines: " in portal.printed  # which services are real, and which are stand-ins
    assert "stands in for Aurora" in portal.printed
    assert {file.stem for file in (portal.data / "logs").glob("*.log")} == {
        *("redis", "sandbox", "worker", "dispatcher", "web")
    }
    assert readable_by_others(portal.data) == []

    assert portal.end() == 0
    assert portal.has_ended()


def test_an_open_data_folder_is_restricted_whatever_the_umask(portals: list[Portal], data: Path) -> None:
    (data / "logs").mkdir(mode=0o755)
    (data / "logs" / "web.log").touch(mode=0o644)
    data.chmod(0o755)
    portal = Portal(data, free_port(), umask=0o000)
    portals.append(portal)
    portal.wait_for("Ctrl-C")
    portal.log_in()

    assert readable_by_others(data) == []
    assert portal.end() == 0


@pytest.mark.skipif(bool(unprivileged.why_not()), reason=unprivileged.why_not())
def test_keys_cannot_be_read_by_other_programs_of_the_same_user(
    portals: list[Portal],
) -> None:
    """A program of the same user, such as an unconfined function, finds no key in /proc."""
    look = "import sys; print(open(f'/proc/{sys.argv[1]}/environ').read())"
    as_nobody, secret = unprivileged.as_nobody(), "the-key-of-this-test-and-of-no-other-thing"
    with tempfile.TemporaryDirectory(prefix="sanso-run-") as folder:
        data = started_before(Path(folder) / "data")
        for path in (Path(folder), data, *data.rglob("*")):
            os.chown(path, unprivileged.user(), unprivileged.user())
        portal = Portal(data, free_port(), prefix=as_nobody, SECRET_KEY=secret)
        portals.append(portal)
        portal.wait_for("Ctrl-C")

        found = portal.processes() | {portal.process.pid: "the supervisor"}
        commands = " ".join(found.values())
        for part in ("celery", "dispatch", "uvicorn", "sanso_sandbox"):
            assert part in commands
        until = time.monotonic() + LIMIT
        for pid, command in found.items():
            command_line = [*as_nobody, sys.executable, "-c", look, str(pid)]
            looked = subprocess.run(command_line, capture_output=True, text=True, check=False)
            while secret in looked.stdout:  # each program hides its key when it starts
                assert time.monotonic() < until, command
                looked = subprocess.run(command_line, capture_output=True, text=True, check=False)
            ended = not Path(f"/proc/{pid}").exists()  # such as the preparation of the database
            assert ended or "FileNotFound" not in looked.stderr
        assert portal.end() == 0


def test_the_second_start_keeps_the_login(portals: list[Portal], data: Path) -> None:
    first = Portal(data, free_port())
    portals.append(first)
    first.wait_for("Ctrl-C")
    first.end()

    second = Portal(data, free_port())
    portals.append(second)
    second.wait_for("Ctrl-C")
    second.end()

    assert LOGIN.findall(second.printed) == LOGIN.findall(first.printed)


def test_killed_processes_are_restarted_and_a_killed_run_leaves_none(
    portals: list[Portal], data: Path, without_redis: str
) -> None:
    portal = Portal(data, free_port(), PATH=without_redis)
    portals.append(portal)
    portal.wait_for("Ctrl-C")

    sandbox = ("sanso_sandbox --fd", "sanso_sandbox.server")  # the second serves, the first waits for it
    for part in ("portal.redis_server", *sandbox, "celery", "dispatch", "uvicorn"):
        killed = portal.pid_of(part)
        os.kill(killed, signal.SIGKILL)
        assert portal.pid_of(part, other_than=killed) != killed
    wait_until(portal.answers, what="an answer of the new web process")

    portal.process.kill()
    portal.process.wait()
    wait_until(portal.has_ended, what="the end of all processes")


def test_a_missing_database_is_reported(portals: list[Portal], tmp_path: Path) -> None:
    url = f"mysql://someone:hidden@{LOOPBACK}:{free_port()}/sanso"
    portal = Portal(tmp_path, free_port(), DATABASE_URL=url)
    portals.append(portal)
    message, _ = portal.process.communicate(timeout=LIMIT)

    assert portal.process.returncode == 1
    assert f"The database sanso on {LOOPBACK} cannot be used" in message
    assert "Traceback" not in message
    assert "hidden" not in message


@pytest.mark.timeout(300)
def test_concurrent_runs_have_their_own_redis_and_sandbox(portals: list[Portal], tmp_path: Path) -> None:
    port = free_port()
    both = [Portal(started_before(tmp_path / name), port) for name in "ab"]
    portals.extend(both)
    for portal in both:
        portal.wait_for("Ctrl-C")

    settings = [portal.environment_of("uvicorn") for portal in both]
    urls = [(each["REDIS_URL"], each["SANSO_SANDBOX_URL"]) for each in settings]
    for (redis_url, sandbox_url), portal in zip(urls, both, strict=True):
        with redis.Redis.from_url(redis_url) as client:
            client.set("belongs-to", str(portal.data))
        assert urlsplit(sandbox_url).port in portal.ports_of("sanso_sandbox")
    for (redis_url, _), portal in zip(urls, both, strict=True):
        with redis.Redis.from_url(redis_url) as client:
            assert client.get("belongs-to") == str(portal.data).encode()
    assert both[0].url != both[1].url
    assert urls[0][1] != urls[1][1]
    assert [portal.end() for portal in both] == [0, 0]


def test_an_invalid_port_is_reported(portals: list[Portal], tmp_path: Path) -> None:
    portal = Portal(tmp_path, 99999)
    portals.append(portal)
    message, _ = portal.process.communicate(timeout=LIMIT)

    assert portal.process.returncode == 1
    assert "PORT is '99999', which is not a port number" in message
    assert "Traceback" not in message


def test_a_taken_port_is_reported_and_the_next_one_used(portals: list[Portal], data: Path) -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        portal = Portal(data, port)
        portals.append(portal)
        portal.wait_for("Ctrl-C")

    assert f"Port {port} is taken" in portal.printed
    assert urlsplit(portal.url).port != port
