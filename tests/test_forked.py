"""A forked process behaves as one that its command starts: environment, settings, exit code and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.forked import ForkedProcess
from tests.services import LIMIT, REPOSITORY, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are started on other systems")

REPORT = """
import json, os, random, ssl, sys, threading, time
print(json.dumps({
    "argv": sys.argv,
    "command": open("/proc/self/cmdline", "rb").read().decode().split("\\0")[:-1],
    "directory": os.getcwd(),
    "name": __name__,
    "environment": dict(os.environ),
    "session": os.getsid(0) == os.getpid(),
    "input": sys.stdin.read(),
    "random": [random.random(), ssl.RAND_bytes(8).hex(), os.urandom(8).hex()],
    "imported": "deployments.tasks" in sys.modules,
    "files": sorted(os.listdir("/proc/self/fd")),
    "threads": threading.active_count(),
    "blocked": [s.name for s in __import__("signal").pthread_sigmask(0, [])],
    "zone": time.tzname,
}), flush=True)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of the processes' log."""
    return tmp_path / "log"


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    """Use servers of this module's own: those of the run have processes that other tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forked, "_servers", {})
        yield
        forked.stop_servers()


def run(script: str, log: Path, *arguments: str, **variables: str) -> ForkedProcess:
    """Fork a process that runs a script beside its log."""
    path = log.with_suffix(".py")
    path.write_text(script)
    with log.open("ab") as opened:
        return forked.fork(
            "worker",
            [sys.executable, str(path), *arguments],
            log.parent,
            {**os.environ, **variables},
            opened,
        )


def reported(log: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """Return what a forked process reports about itself."""
    process = run(REPORT, log, *arguments, **variables)
    assert process.wait(LIMIT) == 0, log.read_text()
    found: dict[str, Any] = json.loads(log.read_text().splitlines()[-1])
    return found


def test_a_forked_process_has_what_its_command_says(log: Path) -> None:
    found = reported(log, "one", "two", SANSO_EXAMPLE="given")
    assert found["argv"] == [str(log.with_suffix(".py")), "one", "two"]
    assert found["name"] == "__main__"
    assert found["directory"] == str(log.parent)
    assert found["environment"]["SANSO_EXAMPLE"] == "given"
    assert found["session"]
    assert found["input"] == ""
    assert found["imported"]
    assert found["threads"] == 1
    assert found["blocked"] == []


def test_two_forked_processes_share_neither_random_numbers_nor_files(log: Path) -> None:
    first, second = reported(log), reported(log)
    for one, other in zip(first["random"], second["random"], strict=True):
        assert one != other
    assert "SANSO_EXAMPLE" not in second["environment"]
    assert first["files"] == second["files"]
    assert len(first["files"]) <= 4  # standard files, and the folder that is listed


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_code_is_known(log: Path, code: int) -> None:
    process = run(f"raise SystemExit({code})", log)
    assert process.wait(LIMIT) == process.poll() == process.returncode == code


def test_an_exception_ends_the_process_with_its_traceback_in_the_log(log: Path) -> None:
    assert run("raise ValueError('what failed')", log).wait(LIMIT) == 1
    assert "ValueError: what failed" in log.read_text()


def test_a_log_begins_with_what_its_process_writes(log: Path) -> None:
    forked.stop_servers()
    for variables in ({}, {"SANSO_LOG_FORMAT": "json"}):  # the second one's settings differ
        assert run("print('first')", log, LOG_LEVEL="DEBUG", **variables).wait(LIMIT) == 0
        assert log.read_text().startswith("first\n")
        log.unlink()


WAITING = "import signal\nprint('waits', flush=True)\nsignal.pause()"


def test_a_signal_reaches_only_its_process(log: Path) -> None:
    processes = [run(WAITING, log) for _ in range(3)]
    wait_until(lambda: log.read_text().count("waits") == 3, what="the processes")
    processes[0].terminate()
    os.kill(processes[1].pid, signal.SIGKILL)
    assert processes[0].wait(LIMIT) == -signal.SIGTERM
    assert processes[1].wait(LIMIT) == -signal.SIGKILL
    assert processes[2].poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        processes[2].wait(0)
    processes[2].kill()
    assert processes[2].wait(LIMIT) == -signal.SIGKILL


def test_a_process_dies_with_the_one_that_forked_it(log: Path) -> None:
    process = run(WAITING, log)
    wait_until(lambda: "waits" in log.read_text(), what="the process")
    forked.stop_servers()
    assert process.wait(LIMIT) == -signal.SIGKILL
    wait_until(lambda: not Path(f"/proc/{process.pid}").exists(), what="the end of the process")
    assert run("", log).wait(LIMIT) == 0  # by a new one


SETTING = """
from django.conf import settings
from django.db import connection
import sys
print(settings.TIME_ZONE, settings.SANSO_SANDBOX_URL, connection.settings_dict["NAME"], sep="|", flush=True)
print("deployments.tasks" in sys.modules, flush=True)
"""


def test_settings_are_those_of_the_process(log: Path) -> None:
    forked.stop_servers()
    for name in ("one", "two"):
        variables = {
            "SANSO_SANDBOX_URL": f"http://127.0.0.1:1/{name}",
            "DATABASE_URL": f"sqlite:////nowhere/{name}",
        }
        assert run(SETTING, log, **variables).wait(LIMIT) == 0, log.read_text()
        settings, loaded = log.read_text().splitlines()[-2:]
        assert settings == f"UTC|http://127.0.0.1:1/{name}|/nowhere/{name}"
        assert loaded == "True"


@pytest.mark.parametrize("variables", [{"PYTHONHASHSEED": "7"}, {"LANG": "de_DE.UTF-8"}])
def test_a_variable_that_python_reads_starts_the_process_afresh(log: Path, variables: dict[str, str]) -> None:
    found = reported(log, **variables)
    assert found["command"] == [sys.executable, str(log.with_suffix(".py"))]
    assert not found["imported"]
    assert found["environment"].items() >= variables.items()


def test_only_processes_of_the_portal_are_forked() -> None:
    manage = str(REPOSITORY / "manage.py")
    assert forked.kind_of([sys.executable, "-m", "celery", "-A", "portal", "worker"]) == "worker"
    assert forked.kind_of([sys.executable, manage, "dispatch"]) == "worker"
    assert forked.kind_of([sys.executable, "-m", "uvicorn", "portal.asgi:application"]) == "web"
    for other in (
        [sys.executable, manage, "migrate"],
        ["redis-server"],
        [sys.executable, "-m", "uvicorn", "x:y"],
    ):
        assert forked.kind_of(other) == ""
