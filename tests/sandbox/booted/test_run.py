"""`manage.py run` with booted machines leaves none of them behind, even if it is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sandbox_tests.booted.conftest import ACCOUNT
from sandbox_tests.booted.test_instances import groups, launch
from sandbox_tests.booted.test_machine import cables_of, processes_with
from sandbox_tests.engine.conftest import Account
from tests.portal.test_run import Portal, portals
from tests.services import LIMIT, Sandbox, free_port, wait_until

__all__ = ["portals"]


class _SandboxOfARun(Sandbox):
    """The sandbox that `manage.py run` has started."""

    @property
    def url(self) -> str:
        return (self.folder / "url").read_text()

    @property
    def token_file(self) -> Path:
        return self.folder / "token"


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGKILL])
def test_machines_end_with_the_run(
    base: object, portals: list[Portal], tmp_path: Path, way: signal.Signals
) -> None:
    folder = tmp_path / "data" / "sandbox"
    portal = Portal(
        tmp_path / "data",
        free_port(),
        SANSO_SANDBOX_MACHINES="booted",
        SANSO_SANDBOX_DATABASE="embedded",
        SANSO_SANDBOX_PACE="0",
    )
    portals.append(portal)
    portal.wait_for("Ctrl-C")
    sandbox = _SandboxOfARun(command=[], folder=folder, port=0, answers=lambda: True)
    keys = [launch(Account(sandbox, ACCOUNT)) for _number in range(2)]
    wait_until(lambda: all(processes_with(f"--machine={key}") for key in keys), what="the machines")
    cables = cables_of(folder)
    assert len(cables) == len(keys)
    wait_until(lambda: all(cable.exists() for cable in cables), what="the cables")
    assert list((folder / "tmp").iterdir())

    portal.process.send_signal(way)
    portal.process.wait(LIMIT)

    wait_until(portal.has_ended, what="the end of all processes")
    wait_until(lambda: not processes_with(str(folder)), what="the end of the machines")
    wait_until(lambda: not any(map(processes_with, keys)), what="the end of what runs in them")
    wait_until(lambda: not any(cable.exists() for cable in cables), what="the end of the cables")
    wait_until(lambda: str(folder) not in Path("/proc/mounts").read_text(), what="the end of the mounts")
    wait_until(lambda: not groups(*keys), what="the end of the control groups")
    wait_until(lambda: not (folder / "tmp").exists(), what="the end of its files")
