"""The addresses of a run are reserved until its programs listen there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal.supervisor import listening, plan
from portal.supervisor.listening import NoFreePort, listen, port_of
from tests.services import LOOPBACK, REPOSITORY, free_port

PLAN = """
import json, sys
from pathlib import Path
from portal.supervisor.plan import make_plan
plan = make_plan(Path(sys.argv[1]), Path("manage.py"))
print(json.dumps({"web": plan.url, **plan.environment}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def no_external_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove settings of external services from the environment."""
    for name in ("REDIS_URL", "SANSO_SANDBOX_URL"):
        monkeypatch.delenv(name)


def test_a_reserved_port_cannot_be_bound() -> None:
    with listen(free_port()) as held, socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        with pytest.raises(OSError, match="in use"):
            foreign.bind((LOOPBACK, port_of(held)))


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0"])
def test_a_taken_port_is_skipped(address: str) -> None:
    with socket.create_server((address, free_port())) as foreign, listen(port_of(foreign)) as held:
        assert port_of(held) > port_of(foreign)


def test_a_port_that_is_bound_without_listening_is_skipped_too() -> None:
    with socket.socket() as foreign:
        foreign.bind((LOOPBACK, free_port()))
        with listen(port_of(foreign)) as held:
            assert port_of(held) > port_of(foreign)


def test_the_error_without_a_free_port_explains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "TRIES", 1)
    with socket.create_server((LOOPBACK, 0)) as foreign:
        port = port_of(foreign)
        with pytest.raises(NoFreePort, match=f"No port from {port} to {port} is free"):
            listen(port)


@pytest.mark.parametrize("given", ["http", "0", "65536", "-1", "8000.5"])
def test_an_invalid_port_is_reported(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", given)

    with pytest.raises(plan.BadPort, match=f"PORT is '{given}'"):
        plan.wanted_port()


def test_every_address_of_a_plan_is_reserved(
    no_external_services: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    made = plan.make_plan(tmp_path, REPOSITORY / "manage.py")
    try:
        programs = [program for program in [*made.services, *made.portal] if "http" in program.url]
        for program in programs:
            host, port = program.url.removeprefix("http://").strip("/").split(":")
            with socket.socket() as foreign, pytest.raises(OSError, match="in use"):
                foreign.bind((host, int(port)))
            assert program.descriptors
    finally:
        for held in made.listeners:
            held.close()

    assert {program.name for program in programs} == {"web", "sandbox"}
    assert made.environment["REDIS_URL"].startswith("unix://")


def test_concurrent_runs_share_no_address(tmp_path: Path) -> None:
    environment = {**os.environ, "PORT": str(free_port())}
    for name in ("REDIS_URL", "SANSO_SANDBOX_URL"):
        del environment[name]
    planners = [
        subprocess.Popen(
            [sys.executable, "-c", PLAN, str(tmp_path / str(number))],
            cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for number in range(8)
    ]  # fmt: skip
    try:
        plans = [json.loads(planner.stdout.readline()) for planner in planners if planner.stdout]
    finally:
        for planner in planners:
            planner.communicate()

    for name in ("web", "REDIS_URL", "SANSO_SANDBOX_URL"):
        assert len({made[name] for made in plans}) == len(planners)


def test_a_long_path_gives_redis_a_folder_of_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    path = listening.socket_path(folder)
    try:
        assert len(os.fsencode(path)) <= listening.LONGEST_PATH
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert listening.socket_path(folder) == path
        assert listening.socket_path(tmp_path / ("Long" * 30)).parent != path.parent

        path.parent.chmod(0o755)
        with pytest.raises(PermissionError, match="not a folder of this user alone"):
            listening.socket_path(folder)
    finally:
        for place in {path.parent, listening.socket_path(tmp_path / ("Long" * 30)).parent}:
            place.rmdir()


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_nobody_else_can_respond_at_localhost() -> None:
    """Browsers try ::1 before 127.0.0.1."""
    sockets = listening.listen_for_browsers(free_port())
    port = port_of(sockets[0])
    if len(sockets) == 1:
        pytest.skip("this machine has no IPv6")
    with socket.socket(socket.AF_INET6) as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            foreign.bind(("::1", port))
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("::1", port)):
        pass
    for one in sockets:
        one.close()

    with socket.create_server(("::1", port), family=socket.AF_INET6):
        first, *others = listening.listen_for_browsers(port)
        assert port_of(first) > port
        for one in (first, *others):
            one.close()
