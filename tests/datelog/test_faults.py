"""The database goes, comes back, freezes, fails over; connections die; workers hang."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster
from tests.services import MariaDB, wait_until

KILL_ALL = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE user = 'datelog'"


@contextmanager
def frozen(server: MariaDB) -> Iterator[None]:
    assert server.process
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_a_database_that_goes_and_comes_back_needs_no_restart(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app()
    cluster.fill("2024-01-01 00:00:00")
    assert app.get("/read").status == 200
    assert app.get("/write").status == 200
    workers = app.workers()
    cluster.writer.kill()
    cluster.reader.kill()
    for path in ("/read", "/write"):
        answer = app.get(path)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
    cluster.writer.restart()
    cluster.reader.restart()
    wait_until(lambda: app.get("/read").status == 200, what="reading again")
    wait_until(lambda: app.get("/write").status == 200, what="writing again")
    assert app.workers() == workers


def test_reading_goes_on_while_the_writer_is_gone(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-01-01 00:00:00")
    cluster.writer.kill()
    try:
        assert [app.get("/read").status for _ in range(8)] == [200] * 8
        assert app.get("/write").status == 503
    finally:
        cluster.writer.restart()


def test_connections_that_were_cut_are_not_noticed_by_readers(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-01-01 00:00:00")
    for _ in range(3):
        assert [app.get("/read").status for _ in range(16)] == [200] * 16
        cluster.reader.execute(cluster.reader.execute(KILL_ALL) or "SELECT 1")
    assert [app.get("/read").status for _ in range(16)] == [200] * 16


def test_connections_that_idled_too_long_are_not_noticed_by_writers(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    cluster.writer.execute("SET GLOBAL wait_timeout = 1")
    try:
        app = start_app({}, "--processes", "1", "--threads", "1")
        assert app.get("/write").status == 200
        wait_until(lambda: not cluster.writer.execute(KILL_ALL).strip(), what="the server hanging up")
        assert app.get("/write").status == 200
        assert cluster.rows() == 2
    finally:
        cluster.writer.execute("SET GLOBAL wait_timeout = DEFAULT")


def test_a_frozen_reader_is_given_up_and_others_are_served(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app({"DB_QUERY_TIMEOUT": "1", "DB_CONNECT_TIMEOUT": "1"})
    assert [app.get("/read").status for _ in range(8)] == [200] * 8
    with frozen(cluster.reader):
        assert app.get("/read").status == 503  # while it is frozen
        assert app.get("/healthz").status == 200
        assert app.get("/write").status == 200
    wait_until(lambda: app.get("/read").status == 200, what="reading again")


def test_a_server_that_is_the_writer_no_more_is_left_at_once(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app({}, "--processes", "1", "--threads", "1")
    assert app.get("/write").status == 200
    cluster.writer.execute("SET GLOBAL read_only = ON")
    refused = app.get("/write")
    assert refused.status == 503
    cluster.writer.execute("SET GLOBAL read_only = OFF")
    assert app.get("/write").status == 200
    # The refusal reconnected: the endpoint's name is looked up anew, as a failover needs.
    assert "The writer refused to write: connecting to its endpoint anew." in app.log.read_text()
    assert cluster.rows() == 2


def test_no_acknowledged_write_is_lost_when_the_writer_dies(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app()
    acknowledged, refused = [0], [0]
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            status = app.get("/write").status
            (acknowledged if status == 200 else refused)[0] += 1

    writers = [threading.Thread(target=keep_writing) for _ in range(4)]
    for writer in writers:
        writer.start()
    wait_until(lambda: acknowledged[0] > 100, what="some writes")
    cluster.writer.kill()
    wait_until(lambda: refused[0] > 20, what="refused writes")
    cluster.writer.restart()
    seen = acknowledged[0]
    wait_until(lambda: acknowledged[0] > seen + 100, what="writes after the return")
    stop.set()
    for writer in writers:
        writer.join()
    rows = cluster.rows()
    # A row may be there whose answer was lost with the server: one for each of the four in flight.
    assert acknowledged[0] <= rows <= acknowledged[0] + 4


def test_a_worker_that_hangs_is_replaced(cluster: Cluster, start_app: StartAppServer) -> None:
    """The last resort, when neither the driver's timeouts nor anything else ends a request."""
    app = start_app({"DB_QUERY_TIMEOUT": "60"}, "--processes", "1", "--threads", "1", "--harakiri", "2")
    assert app.get("/read").status == 200
    (before,) = app.workers()
    with frozen(cluster.reader):
        hanging = threading.Thread(target=_ask_in_vain, args=(app,))
        hanging.start()
        wait_until(lambda: app.workers() not in ([before], []), what="a new worker")
        hanging.join()
    wait_until(lambda: app.get("/read").status == 200, what="an answer of the new worker")
    assert "HARAKIRI" in app.log.read_text()


def _ask_in_vain(app: AppServer) -> None:
    try:
        app.get("/read")
    except (OSError, ValueError):
        return
    raise AssertionError("the request that hung was answered")


def test_a_worker_that_is_killed_takes_no_more_with_it_than_it_was_answering(
    cluster: Cluster, start_app: StartAppServer
) -> None:
    app = start_app({}, "--processes", "2", "--threads", "1")
    assert app.get("/read").status == 200
    os.kill(app.workers()[0], signal.SIGKILL)
    assert [app.get("/read").status for _ in range(10)] == [200] * 10
    wait_until(lambda: len(app.workers()) == 2, what="a second worker")
