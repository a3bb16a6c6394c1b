"""The process of a fetch: it ends at its time limit, even without its worker, and its files are removed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployments.common.message_codes import Code
from deployments.template_sets.sources import process
from deployments.template_sets.sources.spec import FetchSpec
from tests.git_server import GitServer
from tests.services import LIMIT, REPOSITORY, wait_until
from tests.template_sets.sources.fetching import fetched, refused
from tests.template_sets.sources.hostile import Hostile, hostile_server

FETCH = """
import sys
from deployments.template_sets.sources import FetchLimits, FetchSpec, fetch
limits = FetchLimits(seconds=3)
fetch(FetchSpec(kind="git", url=sys.argv[1], refs="main", addresses=("127.0.0.1",), limits=limits))
"""


@pytest.fixture
def silent() -> Iterator[Hostile]:
    """A server whose response never ends."""
    with hostile_server() as server:

        def drops() -> Iterator[bytes]:
            yield b"fff0"
            while True:
                time.sleep(0.2)
                yield b"a"

        server.refs = drops
        yield server


def fetch_processes() -> set[int]:
    """Return the ids of all fetch processes, whichever process started them."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if process.PROCESS.encode() in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def parent_of(pid: int) -> int:
    """Return the id of a process's parent, or 0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])


def wait_until_one_runs(worker: subprocess.Popen[bytes]) -> int:
    """Wait for the process of a worker's fetch, and return its id."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        for child in fetch_processes():
            with Path(f"/proc/{child}/status").open() as file:
                if f"PPid:\t{worker.pid}\n" in file.readlines():
                    return child
        time.sleep(0.05)
    raise AssertionError("no process fetches")


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_fetch_ends_although_its_worker_was_killed(silent: Hostile, tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", FETCH, silent.url], cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    child = wait_until_one_runs(worker)
    worker.send_signal(signal.SIGKILL)
    worker.wait()

    deadline = time.monotonic() + LIMIT
    while child in fetch_processes():
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.1)


def test_files_left_by_a_killed_worker_are_removed_by_a_later_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, new = tmp_path / "sanso-fetch-old", tmp_path / "sanso-fetch-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "answer").touch()
    long_ago = time.time() - process.ABANDONED - 1
    os.utime(old, (long_ago, long_ago))

    assert refused(FetchSpec(kind="archive", archive=b"none")) == Code.SOURCE_ARCHIVE_INVALID
    assert list(tmp_path.iterdir()) == [new]


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_worker_runs_few_fetches_at_once(server: GitServer) -> None:
    server.create("set").commit({"root.yaml": "Resources: {}"})
    server.answering.clear()
    before = fetch_processes()

    with ThreadPoolExecutor(process.AT_ONCE + 2) as threads:
        running = [threads.submit(fetched, server.url("set")) for _ in range(process.AT_ONCE + 2)]
        wait_until(lambda: len(server.requests) == process.AT_ONCE, what="the first requests")
        at_once = len({one for one in fetch_processes() - before if parent_of(one) == os.getpid()})
        server.answering.set()

    assert at_once == process.AT_ONCE
    assert all(one.result().versions for one in running)


def test_a_process_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))

    assert refused(FetchSpec(kind="archive", archive=b"none")) == Code.SOURCE_FAILED
