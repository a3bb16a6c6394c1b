"""Lists that are too long for the memory of one request."""

from __future__ import annotations

import http.client
import json
import re
import time
from pathlib import Path

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster, connect
from tests.services import LOOPBACK, wait_until

ROWS = 300_000
SEQUENCE = "SELECT '2022-11-06 03:01:47' + INTERVAL seq * 7 SECOND FROM seq_1_to_"


def fill(cluster: Cluster, rows: int) -> None:
    cluster.run(f"INSERT INTO datelog (dt) {SEQUENCE}{rows}")
    cluster.wait_for_reader()


def peak_memory_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def test_a_long_list_is_complete_and_takes_little_memory(cluster: Cluster, start_app: StartAppServer) -> None:
    fill(cluster, ROWS)
    app = start_app({}, "--processes", "1")
    body = app.get("/read").body
    times = json.loads(body)
    expected = cluster.reader.execute(f"SELECT dt FROM {'datelog'}.datelog ORDER BY dt, id").split("\n")
    assert times == expected[:-1]
    assert body == json.dumps(times, indent=2).encode()
    (worker,) = app.workers()
    assert peak_memory_mib(worker) < 48


@pytest.mark.parametrize("rows", [4_999, 5_000, 5_001, 10_000, 10_001])
def test_no_time_is_lost_between_chunks(app: AppServer, cluster: Cluster, rows: int) -> None:
    fill(cluster, rows)
    body = app.get("/read").body
    assert body == json.dumps(json.loads(body), indent=2).encode()
    assert len(json.loads(body)) == rows


def test_a_chunk_may_end_among_rows_of_the_same_second(app: AppServer, cluster: Cluster) -> None:
    cluster.run("INSERT INTO datelog (dt) SELECT '2024-01-01 00:00:00' FROM seq_1_to_40000")
    cluster.wait_for_reader()
    assert app.get("/read").json() == ["2024-01-01 00:00:00"] * 40_000


def test_the_originals_table_is_streamed_too(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.run(
        f"DROP TABLE datelog; CREATE TABLE datelog (dt datetime); INSERT INTO datelog {SEQUENCE}50000"
    )
    cluster.wait_for_reader()
    app = start_app({}, "--processes", "1", "--threads", "1")
    times = app.get("/read").json()
    assert isinstance(times, list)
    assert len(times) == 50_000
    assert times == sorted(times)
    assert app.get("/read?limit=1").status == 200  # on the same connection


def test_a_long_list_supports_conditional_requests(app: AppServer, cluster: Cluster) -> None:
    fill(cluster, 12_000)
    etag = app.request("HEAD", "/read").headers["ETag"]
    assert app.get("/read", If_None_Match=etag).status == 304
    cluster.run("DELETE FROM datelog WHERE id = 6000")
    cluster.wait_for_reader()
    changed = app.get("/read", If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["ETag"] not in ("", etag)
    assert len(json.loads(changed.body)) == 11_999


class _PartialClient:
    """A client that has received only the beginning of the list."""

    def __init__(self, app: AppServer) -> None:
        self.connection = http.client.HTTPConnection(LOOPBACK, app.port, timeout=30)
        self.connection.connect()
        self.connection.request("GET", "/read")
        self.response = self.connection.getresponse()
        self.beginning = self.response.read(1000)


def test_a_client_that_stops_reading_holds_no_lock(cluster: Cluster, start_app: StartAppServer) -> None:
    fill(cluster, ROWS)
    app = start_app()
    client = _PartialClient(app)
    assert client.beginning.startswith(b"[")
    with connect(cluster.reader) as own, own.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout = 2")
        cursor.execute("ALTER TABLE datelog COMMENT 'changed meanwhile'")
    rest = client.response.read()
    assert len(json.loads(client.beginning + rest)) == ROWS
    client.connection.close()


def test_a_client_that_disconnects_leaves_no_trace(cluster: Cluster, start_app: StartAppServer) -> None:
    fill(cluster, ROWS)
    app = start_app({}, "--processes", "1", "--threads", "1")
    for _ in range(3):
        _PartialClient(app).connection.close()
    wait_until(
        lambda: app.get("/read?limit=1").status == 200, what="a response after the clients disconnected"
    )


def test_a_slow_client_gets_incomplete_json(cluster: Cluster, start_app: StartAppServer) -> None:
    fill(cluster, ROWS)
    app = start_app({"DATELOG_STREAM_SECONDS": "1"})
    client = _PartialClient(app)
    deadline = time.monotonic() + 1.2
    wait_until(lambda: time.monotonic() > deadline, what="the client's slowness")
    rest = client.response.read()
    assert not rest.endswith(b"]")
    assert "A list was cut off: not received within 1 s" in app.log.read_text()


def test_a_connection_lost_between_chunks_fails_no_request(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    fill(cluster, ROWS)
    app = start_app({}, "--processes", "1", "--threads", "1")
    client = _PartialClient(app)
    kill = "SELECT GROUP_CONCAT(CONCAT('KILL ', id) SEPARATOR ';') FROM information_schema.processlist"
    cluster.reader.execute(cluster.reader.execute(f"{kill} WHERE user = 'datelog'"))
    assert len(json.loads(client.beginning + client.response.read())) == ROWS
    client.connection.close()
