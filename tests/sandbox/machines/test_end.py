"""Machines that are processes, and the embedded database, leave nothing behind, even if they are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path

import pytest

from tests.sandbox.machines.conftest import deployed, listens, servers_of, start
from tests.services import LIMIT, Sandbox, wait_until


@pytest.mark.parametrize("protocol", ["http", "uwsgi"])
def test_deleting_the_environment_leaves_no_process_and_no_listener(tmp_path: Path, protocol: str) -> None:
    sandbox = start(tmp_path, "embedded")
    try:
        site = deployed(sandbox, AppProtocol=protocol)
        saved = site.get("write").removeprefix("Saved: ").strip()
        assert json.loads(site.get("read")) == [saved]
        assert json.loads(site.get("readyz"))["ready"] is True
        assert len(servers_of(sandbox)) >= 8  # four servers, each with its supervising process
        site.account.cloudformation.delete_stack(StackName=site.root)
        assert site.account.settled(site.root) == "DELETE_COMPLETE"
        wait_until(lambda: not servers_of(sandbox), what="the end of every server")
        wait_until(lambda: not listens(site.outputs["AlbDnsName"], 80), what="the end of the listener")
        wait_until(lambda: not listens(site.outputs["NlbDnsName"], 9090), what="the end of the listener")
        assert site.machines() == []
    finally:
        sandbox.stop()


def server_of(sandbox: Sandbox) -> int:
    """Return the serving process: the child of the one that was started."""
    assert sandbox.process is not None
    pid = sandbox.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def everything_of(sandbox: Sandbox) -> list[str]:
    """Return the processes of a sandbox: those with its folder in their command or environment."""
    folder, found = str(sandbox.folder).encode(), []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if command and (folder in command or folder in (entry / "environ").read_bytes()):
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


@pytest.mark.parametrize("way", ["terminate", "interrupt", "kill", "kill server"])
def test_nothing_is_left_however_the_sandbox_ends(tmp_path: Path, way: str) -> None:
    sandbox = start(tmp_path, "auto")
    temporary = sandbox.folder / "data" / "tmp"
    try:
        site = deployed(sandbox)
        assert servers_of(sandbox)
        assert list(temporary.iterdir())
        assert sandbox.process is not None
        if way == "kill server":
            os.kill(server_of(sandbox), signal.SIGKILL)
        else:
            number = {"terminate": signal.SIGTERM, "interrupt": signal.SIGINT, "kill": signal.SIGKILL}[way]
            os.kill(sandbox.process.pid, number)
        sandbox.process.wait(LIMIT)
        wait_until(lambda: not servers_of(sandbox), what="the end of every server")
        wait_until(lambda: not everything_of(sandbox), what="the end of every process")
        wait_until(lambda: not listens(site.outputs["AlbDnsName"], 80), what="the end of the listener")
        wait_until(lambda: not temporary.exists(), what="the end of its files")
        assert str(sandbox.folder) not in Path("/proc/mounts").read_text()
    finally:
        sandbox.kill()
