"""Two databases of an environment, one of which admits the application: servers follow without a restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import DATABASE, PASSWORD, TABLE, USER, Cluster
from tests.mariadb import MariaDB
from tests.prepared import start_installed
from tests.services import LOOPBACK, wait_until

# On the table, as in the templates' function: MySQL applies those to the next statement of each connection.
PLACE, WHO = f"{DATABASE}.datelog", f"{USER}@'%'"
ALLOW = f"GRANT SELECT, INSERT ON {PLACE} TO {WHO}"
REFUSE_WRITES = f"REVOKE INSERT ON {PLACE} FROM {WHO}"
REFUSE_READS = f"REVOKE SELECT ON {PLACE} FROM {WHO}"
REFUSE_ALL = f"REVOKE SELECT, INSERT ON {PLACE} FROM {WHO}"
EVERYTHING = f"SELECT, INSERT ON {DATABASE}.*"


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    server = start_installed(tmp_path_factory.mktemp("other"))
    server.execute(f"CREATE DATABASE {DATABASE}; CREATE USER {WHO} IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
    yield server
    server.stop()


@pytest.fixture
def other(other_server: MariaDB, cluster: Cluster) -> Iterator[MariaDB]:
    """A second database, which refuses the application. The first one allows everything afterwards."""
    cluster.writer.execute(f"REVOKE {EVERYTHING} FROM {WHO}; {ALLOW}")
    cluster.wait_for_reader()
    other_server.execute(f"USE {DATABASE}; DROP TABLE IF EXISTS datelog; {TABLE}; {ALLOW}; {REFUSE_ALL}")
    yield other_server
    cluster.writer.execute(f"{ALLOW}; {REFUSE_ALL}; GRANT {EVERYTHING} TO {WHO}")
    cluster.wait_for_reader()


def both(other: MariaDB) -> dict[str, str]:
    """Return the variables with the endpoints of the second database."""
    address = f"{LOOPBACK}:{other.port}"
    return {"DB_OTHER_WRITE_ENDPOINT_ADDRESS": address, "DB_OTHER_READ_ENDPOINT_ADDRESS": address}


def rows(server: MariaDB) -> int:
    return int(server.execute(f"SELECT COUNT(*) FROM {DATABASE}.datelog"))


def test_no_acknowledged_write_and_no_read_is_lost_during_a_switch(
    cluster: Cluster, other: MariaDB, start_app: StartAppServer
) -> None:
    app = start_app(both(other))
    written: list[int] = []
    reads: list[int] = []
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            written.append(app.get("/write").status)

    def keep_reading() -> None:
        while not stop.is_set():
            reads.append(app.get("/read?limit=1").status)

    clients = [threading.Thread(target=one) for one in (keep_writing, keep_writing, keep_reading)]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: len(written) > 50 and len(reads) > 10, what="some writes and reads")
        cluster.writer.execute(REFUSE_WRITES)
        wait_until(lambda: 503 in written, what="a refused write")
        other.execute(ALLOW)
        wait_until(lambda: rows(other) > 50, what="writes to the other database")
        left = cluster.rows()
        cluster.writer.execute(REFUSE_READS)
        cluster.wait_for_reader()
        seen = len(reads)
        wait_until(lambda: len(reads) > seen + 50, what="reads from the other database")
    finally:
        stop.set()
        for client in clients:
            client.join()

    assert {*reads} == {200}
    assert cluster.rows() == left
    assert left + rows(other) == written.count(200)
    assert len(app.get("/read").json()) == rows(other)  # type: ignore[arg-type]
    assert app.get("/readyz").status == 200


def test_a_server_that_starts_at_the_refusing_database_uses_the_other_one(
    cluster: Cluster, other: MariaDB, start_app: StartAppServer
) -> None:
    cluster.fill("2024-01-01 00:00:00")
    cluster.writer.execute(f"{REFUSE_WRITES}; {REFUSE_READS}")
    cluster.wait_for_reader()
    other.execute(ALLOW)

    app = start_app(both(other))

    assert app.get("/readyz").status == 200
    assert app.get("/read").json() == []
    assert app.get("/write").status == 200
    assert (rows(other), cluster.rows()) == (1, 1)


def test_the_way_back_needs_no_restart(cluster: Cluster, other: MariaDB, start_app: StartAppServer) -> None:
    app = start_app(both(other))
    for old, new in ((cluster.writer, other), (other, cluster.writer)):
        old.execute(REFUSE_WRITES)
        new.execute(ALLOW)
        cluster.wait_for_reader()
        old.execute(REFUSE_READS)
        cluster.wait_for_reader()
        assert [app.get(path).status for path in ("/write", "/read", "/readyz")] == [200] * 3

    assert (cluster.rows(), rows(other)) == (1, 1)


def test_without_another_database_a_refusal_fails_the_request(
    cluster: Cluster, other: MariaDB, start_app: StartAppServer
) -> None:
    app = start_app()
    cluster.writer.execute(REFUSE_WRITES)
    assert app.get("/write").status == 503
    assert app.get("/read").status == 200
    cluster.writer.execute(ALLOW)
    assert app.get("/write").status == 200
