"""One machine: a separate system with an address, which leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sandbox_tests.processes import wait_until
from sanso_sandbox.backends.machines import health_checks
from sanso_sandbox.backends.machines.booted import network
from sanso_sandbox.backends.machines.booted.base_tree import Base
from sanso_sandbox.backends.machines.booted.machine import BootFailed, BootPlan, Machine

SERVE = (
    "systemd-run",
    "--quiet",
    "--unit=web",
    "python3",
    "-m",
    "http.server",
    "8080",
    "--directory",
    "/etc",
)


@pytest.fixture
def machine(base: Base, tmp_path: Path) -> Iterator[Machine]:
    """A machine that has booted."""
    plan = BootPlan(
        name=f"i-{os.getpid()}",
        folder=tmp_path / "machine",
        hostname="ip-10-0-9-9",
        private="10.0.9.9",
        environment={"GREETING": "good day"},
    )
    booted = Machine(plan, base)
    yield booted
    booted.switch_off()


def output(machine: Machine, command: str) -> str:
    return machine.run("sh", "-c", command).stdout.strip()


def cables_of(folder: Path) -> set[Path]:
    """Return the host's ends of the network links of the machines that run below a folder."""
    found = set()
    for pid in processes_with(str(folder)):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_text()
            found |= {Path("/sys/class/net", name) for name in re.findall(r'"link": "(sanso-\w+)"', command)}
    return found


def processes_with(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def test_it_is_a_system_of_its_own_with_its_private_address_and_no_way_out(machine: Machine) -> None:
    assert output(machine, "systemctl is-system-running") == "running"
    assert output(machine, "hostname") == "ip-10-0-9-9"
    assert "10.0.9.9/32" in output(machine, "ip -brief address show eth0")
    assert output(machine, "ip route show default") == ""
    assert output(machine, "echo $GREETING") == "good day"
    assert "GREETING=" in output(machine, "systemctl show-environment")
    assert "10.0.9.9" not in subprocess.run(["ip", "route"], capture_output=True, text=True).stdout


def test_the_host_reaches_its_ports_and_sees_a_closed_one_refuse(machine: Machine) -> None:
    def check(port: int) -> bool:
        return health_checks.check(
            machine.address, port, protocol="TCP", path="", matcher="", timeout=2
        ).healthy

    assert not check(8080)
    machine.run(*SERVE)
    wait_until(lambda: check(8080), what="an open port")
    answered = health_checks.check(
        machine.address, 8080, protocol="HTTP", path="/hostname", matcher="200", timeout=5
    )
    assert answered.healthy
    machine.run("systemctl", "stop", "web")
    assert not check(8080)


def test_it_reaches_what_listens_on_the_hosts_loopback_addresses(machine: Machine) -> None:
    callers = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            callers.append(self.client_address[0])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Log nothing."""

    for address in ("127.77.1.2", "127.201.1.2", network.HOST):
        with HTTPServer((address, 0), Handler) as server:
            threading.Thread(target=server.handle_request, daemon=True).start()
            url = f"http://{address}:{server.server_port}/"
            assert output(machine, f"curl -sS -m 5 -o /dev/null -w '%{{http_code}}' {url}") == "204"
    assert callers == [machine.address] * 3


def test_machines_side_by_side_share_neither_files_nor_services(
    machine: Machine, base: Base, tmp_path: Path
) -> None:
    other = Machine(BootPlan(name=f"i-{os.getpid()}-2", folder=tmp_path / "other"), base)
    try:
        assert other.address != machine.address
        machine.run(*SERVE)
        machine.run("touch", "/etc/mine")
        other.run("systemctl", "restart", "dbus.service")
        assert output(machine, "systemctl is-active web") == "active"
        assert output(other, "ls /etc/mine; systemctl is-active web") == "inactive"
    finally:
        other.switch_off()
    assert output(machine, "systemctl is-active web") == "active"


@pytest.mark.parametrize("way", ["shut_down", "switch_off", "killed init"])
def test_nothing_of_it_stays(machine: Machine, tmp_path: Path, way: str) -> None:
    (cable,) = cables_of(tmp_path)
    assert cable.exists()
    leader, folder = machine.leader, machine.plan.folder
    if way == "killed init":
        os.kill(machine._init.pid, signal.SIGKILL)
        machine.wait()
        wait_until(lambda: not Path(f"/proc/{leader}").exists(), what="the end of the machine")
    else:
        getattr(machine, way)()
    machine.switch_off()
    wait_until(lambda: not processes_with(machine.plan.name), what="the end of its processes")
    wait_until(lambda: not cable.exists(), what="the end of its cable")
    assert not folder.exists()
    assert not list(Path("/sys/fs/cgroup").rglob(f"sanso-{machine.plan.name}"))
    assert not health_checks.check(
        machine.address, 22, protocol="TCP", path="", matcher="", timeout=2
    ).healthy


def test_a_base_tree_that_is_none_fails_the_boot_with_a_reason(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BootFailed, match="did not boot"):
        Machine(
            BootPlan(name="i-none", folder=tmp_path / "m"),
            Base(tree=tmp_path / "no", system=tmp_path / "nor", wheels=tmp_path / "none"),
        )
