"""Processes that the sandbox starts end with it, even if it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import LIMIT, find_program, wait_until
from sandbox_tests.resources.conftest import NETWORK, made
from sandbox_tests.resources.test_databases import CLUSTER
from sandbox_tests.sandboxes import start_sandbox
from sanso_sandbox.backends.databases.endpoints import choose
from sanso_sandbox.protocols.databases import Endpoint
from sanso_sandbox.supervision import die_with_parent


def processes_naming(text: str) -> list[str]:
    """List the command lines of processes that contain a text (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_database_outlives_the_sandbox(tmp_path: Path, how: signal.Signals) -> None:
    find_program("mariadbd")
    sandbox = start_sandbox(tmp_path / "sandbox", database="mariadb")
    account = Account(sandbox, "111122223333")
    network = account.outputs(made(account, "network", NETWORK))
    values = {name: network[name] for name in ("SubnetA", "SubnetC", "Group")}
    outputs = account.outputs(made(account, "aurora", CLUSTER, **values))
    for client in account.clients.values():
        client.close()
    folder = str(tmp_path / "sandbox")
    assert any("mariadbd" in command for command in processes_naming(folder))
    assert sandbox.process is not None
    os.kill(sandbox.process.pid, how)
    sandbox.process.wait(LIMIT)
    wait_until(lambda: not processes_naming(folder), what="the end of every process")
    with pytest.raises(pymysql.err.OperationalError, match="Can't connect"):
        pymysql.connect(host=outputs["Endpoint"], port=3306, user="admin", password="x")
    if how is signal.SIGTERM:
        assert not (tmp_path / "sandbox" / "data" / "tmp").exists()


def test_a_program_ends_with_the_input_of_its_wrapper_which_returns_its_exit_code() -> None:
    command = [sys.executable, die_with_parent.__file__, sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as held:
        assert held.stdin is not None
        held.stdin.close()
        assert held.wait(LIMIT) != 0
    command[-1] = "raise SystemExit(3)"
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ended:
        assert ended.wait(LIMIT) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="binds 127.0.0.0/8")
def test_each_cluster_gets_two_addresses_on_the_port_it_asks_for() -> None:
    first, second = choose(3306), choose(3306)
    assert first.port == second.port == 3306
    assert len({first.writer, first.reader, second.writer, second.reader}) == 4


def test_where_only_one_loopback_address_can_be_bound_a_port_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sanso_sandbox.backends.databases.endpoints.bindable", lambda address, port: False)
    endpoint = choose(3306)
    assert (endpoint.writer, endpoint.reader) == ("127.0.0.1", "127.0.0.1")
    assert endpoint != Endpoint(writer="127.0.0.1", reader="127.0.0.1", port=3306)
