"""/healthz for load balancers and /readyz for the portal."""

from __future__ import annotations

import select
import socket
import time

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster
from tests.services import LIMIT, LOOPBACK, wait_until


def readiness(app: AppServer) -> tuple[int, dict[str, dict[str, object]]]:
    answer = app.get("/readyz")
    content = answer.json()
    assert isinstance(content, dict)
    assert content.pop("ready") is (answer.status == 200)
    return answer.status, content


def test_healthz_needs_no_database(start_app: StartAppServer) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        nowhere = {
            "DB_READ_ENDPOINT_ADDRESS": LOOPBACK,
            "DB_WRITE_ENDPOINT_ADDRESS": LOOPBACK,
            "MYSQL_PORT": str(silent.getsockname()[1]),
        }
        app = start_app(nowhere)
        answer = app.get("/healthz")
        assert (answer.status, answer.text) == (200, "ok\n")
        assert not select.select([silent], [], [], 0)[0], "datelog has connected to the database"


@pytest.mark.parametrize("host", ["", "10.0.1.17:9090", "evil.example", "a_b c", "x" * 300])
def test_healthz_accepts_any_host_header(app: AppServer, host: str) -> None:
    with socket.create_connection((LOOPBACK, app.port), timeout=LIMIT) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_both_endpoints_are_ready(app: AppServer) -> None:
    wait_until(lambda: readiness(app)[0] == 200, what="being ready")
    status, content = readiness(app)
    assert status == 200
    assert content["writer"]["ok"] is True
    assert content["reader"]["ok"] is True


def test_an_unreachable_endpoint_is_named(cluster: Cluster, start_app: StartAppServer) -> None:
    app = start_app()
    cluster.reader.kill()
    status, content = readiness(app)
    assert status == 503
    assert content["writer"]["ok"] is True
    assert content["reader"] == {"ok": False, "error": "can't be connected to"}
    cluster.reader.restart()
    wait_until(lambda: readiness(app)[0] == 200, what="being ready again")


def test_an_unresponsive_endpoint_delays_readyz_by_a_second_at_most(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app()
    with cluster.reader.frozen():
        began = time.monotonic()
        status, content = readiness(app)
        took = time.monotonic() - began
    assert status == 503
    assert content["writer"]["ok"] is True
    assert content["reader"]["ok"] is False
    assert 0.9 < took < 8  # the driver's own time-outs are ten seconds and more
    wait_until(lambda: readiness(app)[0] == 200, what="being ready again")


def test_a_read_only_writer_is_not_ready(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.writer.execute("SET GLOBAL read_only = ON")
    try:
        app = start_app()
        status, content = readiness(app)
    finally:
        cluster.writer.execute("SET GLOBAL read_only = OFF")
    assert status == 503
    assert content["writer"] == {"ok": False, "error": "read-only"}


def test_a_missing_table_is_not_ready_and_returns_503(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.run("DROP TABLE datelog")
    cluster.wait_for_reader()
    app = start_app()
    status, content = readiness(app)
    assert status == 503
    assert content["reader"] == {"ok": False, "error": "can't be queried"}
    assert app.get("/read").status == 503
    assert app.get("/write").status == 503
    assert app.get("/healthz").status == 200


def test_frequent_readiness_checks_do_not_load_the_database(app: AppServer, cluster: Cluster) -> None:
    count = "SHOW GLOBAL STATUS LIKE 'Connections'"
    wait_until(lambda: readiness(app)[0] == 200, what="being ready")
    began, before = time.monotonic(), int(cluster.reader.execute(count).split()[1])
    for _ in range(50):
        assert readiness(app)[0] == 200
    took, after = time.monotonic() - began, int(cluster.reader.execute(count).split()[1])
    assert after - before <= 2 * (took + 2) + 1  # one a second, in each of two processes


def test_responses_reveal_nothing_of_the_environment(cluster: Cluster, start_app: StartAppServer) -> None:
    app = start_app({"DB_PASSWORD": "wrong-Password"})
    for path in ("/readyz", "/read", "/write", "/view"):
        answer = app.get(path)
        assert answer.status == 503
        for term in ("wrong-Password", "Access denied", str(cluster.reader.port), "Traceback"):
            assert term not in answer.text
    assert "wrong-Password" not in app.log.read_text()


def test_unknown_paths_are_not_found(app: AppServer) -> None:
    answer = app.get("/admin/")
    assert (answer.status, answer.text) == (404, "Not found.\n")
