"""GET and POST /write: save the current time."""

from __future__ import annotations

import re
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster, connect
from tests.services import LIMIT, LOOPBACK, wait_until

SAVED = re.compile(r"Saved: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


def saved_time(text: str) -> datetime:
    found = SAVED.fullmatch(text)
    assert found, text
    return datetime.fromisoformat(found[1])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_current_time_is_saved_and_returned(app: AppServer, cluster: Cluster, method: str) -> None:
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    answer = app.request(method, "/write")
    after = datetime.now(UTC).replace(tzinfo=None)
    assert answer.status == 200
    assert before <= saved_time(answer.text) <= after
    assert answer.headers["Cache-Control"] == "no-store"
    cluster.wait_for_reader()
    assert app.get("/read").json() == [str(saved_time(answer.text))]


def test_concurrent_writes_are_each_saved_once(app: AppServer, cluster: Cluster) -> None:
    with ThreadPoolExecutor(12) as visitors:
        answers = list(visitors.map(app.get, ["/write"] * 120))
    assert {answer.status for answer in answers} == {200}
    returned = Counter(answer.text.removeprefix("Saved: ").strip() for answer in answers)
    assert Counter(cluster.run("SELECT dt FROM datelog").splitlines()) == returned


def test_head_saves_nothing(app: AppServer, cluster: Cluster) -> None:
    answer = app.request("HEAD", "/write")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert cluster.rows() == 0


@pytest.mark.parametrize(
    "header", [{"Sec_Purpose": "prefetch"}, {"Sec_Purpose": "prefetch;prerender"}, {"X_Moz": "prefetch"}]
)
def test_a_prefetch_saves_nothing(app: AppServer, cluster: Cluster, header: dict[str, str]) -> None:
    answer = app.get("/write", **header)
    assert answer.status == 403
    assert answer.headers["Cache-Control"] == "no-store"
    assert cluster.rows() == 0


def test_times_are_saved_in_the_configured_time_zone(start_app: StartAppServer) -> None:
    tokyo = start_app({"DATELOG_TIME_ZONE": "Asia/Tokyo"})
    saved = saved_time(tokyo.get("/write").text)
    assert abs(datetime.now(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None) - saved) < timedelta(seconds=10)


def test_writes_use_the_writer_and_reads_the_reader(app: AppServer, cluster: Cluster) -> None:
    cluster.reader.execute("STOP SLAVE SQL_THREAD")
    try:
        assert app.get("/write").status == 200
        assert cluster.rows() == 1
        # A lagging reader returns an older list and no error.
        behind = app.get("/read")
        assert (behind.status, behind.json()) == (200, [])
    finally:
        cluster.reader.execute("START SLAVE SQL_THREAD")
    cluster.wait_for_reader()
    assert len(app.get("/read").body) > len("[]")


def test_it_writes_in_ansi_quotes_mode(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.writer.execute("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES'")
    try:
        assert start_app().get("/write").status == 200
    finally:
        cluster.writer.execute("SET GLOBAL sql_mode = DEFAULT")


def test_a_failed_write_leaves_no_transaction_and_no_lock(app: AppServer, cluster: Cluster) -> None:
    cluster.run("CREATE TRIGGER refuse BEFORE INSERT ON datelog FOR EACH ROW SIGNAL SQLSTATE '45000'")
    answer = app.get("/write")
    assert answer.status == 503
    assert "may not have been saved" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    open_transactions = "SELECT COUNT(*) FROM information_schema.innodb_trx"
    assert cluster.writer.execute(open_transactions).strip() == "0"
    with connect(cluster.writer) as own, own.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout = 1")
        cursor.execute("DROP TRIGGER refuse")
        cursor.execute("ALTER TABLE datelog ADD other INT NULL")
    assert app.get("/write").status == 200


def test_a_locked_table_returns_503_within_the_query_timeout(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app({"DB_QUERY_TIMEOUT": "1"})
    assert app.get("/write").status == 200
    with connect(cluster.writer) as own, own.cursor() as cursor:
        cursor.execute("LOCK TABLES datelog WRITE")
        assert app.get("/write").status == 503  # while it is locked
        cursor.execute("UNLOCK TABLES")
    wait_until(lambda: app.get("/write").status == 200, what="writing again")


@pytest.mark.parametrize("length", [10, 60_000])
def test_an_unneeded_body_is_read(app: AppServer, length: int) -> None:
    """Closing a connection with unread data resets it, and the client may lose the response."""
    with socket.create_connection((LOOPBACK, app.port), timeout=LIMIT) as connection:
        head = f"POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + b"b" * length)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
