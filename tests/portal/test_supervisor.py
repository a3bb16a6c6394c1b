"""The supervisor with small programs: it restarts those that die, and leaves no process behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.supervisor.logs import BoundedLog, tail
from tests.services import LIMIT, REPOSITORY, free_port, wait_until

RUN = """
import asyncio, json, sys
from functools import partial
from pathlib import Path
import django
django.setup()
from portal.supervisor import answers
from portal.supervisor.children import Program
from portal.supervisor.lock import AlreadyRunning, RunLock
from portal.supervisor.plan import ProcessPlan
from portal.supervisor.run import RunFailed, Supervisor

data, port = Path(sys.argv[1]), sys.argv[2]
programs = json.loads(sys.argv[3])
url = f"http://127.0.0.1:{port}/"
plan = ProcessPlan(
    environment={},
    services=[Program(name="redis", command=programs["redis"], answers=eval(programs["redis_answers"]))],
    portal=[
        Program(name="worker", command=programs["worker"]),
        Program(name="web", command=programs["web"], answers=partial(answers.is_healthy, url)),
    ],
    url=url,
    notes=[],
)
try:
    with RunLock(data) as lock:
        report = partial(print, flush=True)
        asyncio.run(Supervisor(plan, lambda: None, data=data, lock=lock, report=report).run())
except (AlreadyRunning, RunFailed) as error:
    sys.exit(str(error))
"""

SLEEP = "import time; time.sleep(600)"
# Ignores SIGTERM, and has a child in its own session.
STUBBORN = f"""
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {SLEEP!r}, "grandchild", sys.argv[1], ""], start_new_session=True)
print("stubborn", flush=True)
time.sleep(600)
"""
WEB = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def wait_for_log(words: str) -> str:
    """Return the beginning of a program that waits until a log contains this text."""
    return f"""
import os, time
from pathlib import Path
logs = Path(os.environ["LOGS"])
while not any({words!r} in log.read_text() for log in logs.glob("*.log")):
    time.sleep(0.02)
"""


class Run:
    """A supervisor in its own process, as `make run` starts it, with small programs instead of the portal."""

    def __init__(self, folder: Path, *, redis_answers: str = "lambda: True", **programs: str) -> None:
        self.folder, self.port = folder, free_port()
        sources = {"redis": SLEEP, "worker": SLEEP, "web": WEB} | programs
        commands = {name: [sys.executable, "-c", text, str(self.port)] for name, text in sources.items()}
        given = json.dumps(commands | {"redis_answers": redis_answers})
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), str(self.port), given],
            cwd=REPOSITORY,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "LOGS": str(folder / "logs")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        while text not in self.printed:
            line = self.process.stdout.readline()
            assert line, f"ended without saying {text!r}: {self.printed}"
            self.printed += line

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        self.printed += self.process.communicate(timeout=LIMIT)[0]
        return self.process.returncode

    def processes(self) -> dict[int, str]:
        """Return the processes with this run's port in their command line, except the supervisor."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"\0{self.port}\0" in command and int(entry.parent.name) != self.process.pid:
                found[int(entry.parent.name)] = command
        return found

    def guards(self) -> set[int]:
        """Return the process ids of guards; there may be none for a moment."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid) for pid in children if b"guard.py" in command_of(pid)}

    def has_ended(self) -> bool:
        return not self.processes()

    def has_a_grandchild(self) -> bool:
        return any("grandchild" in command for command in self.processes().values())

    def pid_of(self, source: str) -> int:
        return next(pid for pid, command in self.processes().items() if source in command)


def command_of(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""  # it has ended in the meantime


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.process.kill()
        run.process.wait()
        if run.process.stdout:
            run.process.stdout.close()
    for run in started:
        wait_until(run.has_ended, what="the end of all processes")


def started(runs: list[Run], folder: Path, **programs: str) -> Run:
    run = Run(folder, **programs)
    runs.append(run)
    run.wait_for("is running at")
    return run


def test_a_run_prints_its_address(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path)

    assert f"http://127.0.0.1:{run.port}/" in run.printed


def test_ctrl_c_ends_everything_and_counts_as_success(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path)
    assert len(run.processes()) == 3

    assert run.end(signal.SIGINT) == 0

    assert run.has_ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_or_a_service_manager_ends_everything(
    runs: list[Run], tmp_path: Path, number: signal.Signals
) -> None:
    run = started(runs, tmp_path)

    assert run.end(number) == 0

    assert run.has_ended()


def test_a_run_ends_when_its_terminal_is_closed(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path)
    assert run.process.stdout is not None

    run.process.stdout.close()  # output now raises an error
    os.kill(run.pid_of("HTTPServer"), signal.SIGKILL)
    run.process.send_signal(signal.SIGHUP)

    assert run.process.wait(timeout=LIMIT) == 0
    assert run.has_ended()


def test_a_killed_program_is_restarted(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path)
    web = run.pid_of("HTTPServer")

    os.kill(web, signal.SIGKILL)
    run.wait_for("web was ended by SIGKILL")

    wait_until(lambda: any("HTTPServer" in c and pid != web for pid, c in run.processes().items()))


def test_children_of_a_killed_program_are_ended(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path, worker=STUBBORN)
    wait_until(run.has_a_grandchild)
    grandchild = run.pid_of("grandchild")

    os.kill(run.pid_of("stubborn"), signal.SIGKILL)

    wait_until(lambda: grandchild not in run.processes(), what="the end of the grandchild")


def test_a_killed_program_whose_child_has_its_output_is_restarted(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path, worker=STUBBORN)
    wait_until(run.has_a_grandchild)
    killed = run.pid_of("stubborn")

    os.kill(killed, signal.SIGKILL)

    run.wait_for("worker was ended by SIGKILL")
    wait_until(lambda: any("stubborn" in c and pid != killed for pid, c in run.processes().items()))


def test_a_program_that_ignores_sigterm_is_killed(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path, worker=STUBBORN)
    wait_until(run.has_a_grandchild)

    assert run.end() == 0

    assert run.has_ended()


def test_a_killed_supervisor_leaves_no_process(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path, worker=STUBBORN)
    wait_until(run.has_a_grandchild)

    run.process.kill()
    run.process.wait()

    wait_until(run.has_ended, what="the end of all processes")


def test_a_killed_guard_is_restarted(runs: list[Run], tmp_path: Path) -> None:
    run = started(runs, tmp_path)
    (first,) = run.guards()

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: bool(run.guards() - {first}), what="a new guard")
    run.process.kill()
    run.process.wait()

    wait_until(run.has_ended, what="the end of all processes")


def test_a_second_run_prints_the_address_of_the_first(runs: list[Run], tmp_path: Path) -> None:
    first = started(runs, tmp_path)

    second = Run(tmp_path)
    message, _ = second.process.communicate(timeout=LIMIT)

    assert second.process.returncode == 1
    assert f"already running here: http://127.0.0.1:{first.port}/" in message
    assert f"process {first.process.pid}" in message


def test_a_run_starts_while_processes_of_a_killed_one_are_ended(runs: list[Run], tmp_path: Path) -> None:
    first = started(runs, tmp_path, worker=STUBBORN)
    first.process.kill()
    first.process.wait()

    started(runs, tmp_path)

    assert first.has_ended()


def test_a_portal_that_never_responds_ends_the_run_with_its_log(runs: list[Run], tmp_path: Path) -> None:
    run = Run(tmp_path, web="raise SystemExit('address in use')")
    runs.append(run)
    message, _ = run.process.communicate(timeout=LIMIT)

    assert run.process.returncode == 1
    assert "Traceback" not in message
    assert "address in use" in message
    assert run.has_ended()


def test_a_dead_service_is_not_confused_with_another_one_at_its_address(
    runs: list[Run], tmp_path: Path
) -> None:
    """Another program may listen at the address of a dead child."""
    run = Run(tmp_path, redis="raise SystemExit('no memory')", web=wait_for_log("no memory") + WEB)
    runs.append(run)
    message, _ = run.process.communicate(timeout=LIMIT)

    assert run.process.returncode == 1
    assert "is running at" not in message
    assert "Redis does not respond.\nno memory" in message
    assert "Traceback" not in message


def test_a_worker_that_keeps_dying_ends_the_run_with_its_log(runs: list[Run], tmp_path: Path) -> None:
    run = Run(tmp_path, worker="raise SystemExit('no such module')", web=wait_for_log("no such module") + WEB)
    runs.append(run)
    message, _ = run.process.communicate(timeout=LIMIT)

    assert run.process.returncode == 1
    assert "is running at" not in message
    assert "The worker does not respond.\nno such module" in message


def test_a_run_waits_for_a_slow_service(runs: list[Run], tmp_path: Path) -> None:
    mark = tmp_path / "answers"
    run = Run(tmp_path, redis_answers=f"Path({str(mark)!r}).exists")
    runs.append(run)
    wait_until(lambda: (tmp_path / "logs" / "web.log").exists() and len(run.processes()) == 3)

    assert run.process.stdout is not None
    assert not select.select([run.process.stdout], [], [], 1)[0]
    mark.touch()

    run.wait_for("is running at")


def test_a_log_is_limited_in_size(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "logs" / "web.log", limit=1000)

    for number in range(500):
        log.write(f"line {number}\n".encode())
    log.close()

    files = sorted(tmp_path.glob("logs/*"))
    assert [file.name for file in files] == ["web.log", "web.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert tail(files[0], lines=2) == "line 498\nline 499"
