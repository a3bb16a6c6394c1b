"""A cluster of MariaDB servers recovers from every broken state, and no caller waits meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymysql
import pytest

from sandbox_tests.processes import LIMIT, wait_until
from sanso_sandbox.backends.databases import relays
from sanso_sandbox.backends.databases.aurora import Aurora
from sanso_sandbox.protocols.databases import DatabaseSettings

PORT = 3306


@pytest.fixture(scope="module")
def aurora_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aurora]:
    """A cluster of two instances with a table in it."""
    settings = DatabaseSettings(port=PORT, user="admin", password="word", database="kept", parameters={})
    made = Aurora(tmp_path_factory.mktemp("aurora"), settings)
    try:
        for instance in ("one", "two"):
            made.add(instance, 1)
        run(
            made.endpoint.writer,
            "CREATE TABLE saved (number INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(40))",
        )
        yield made
    finally:
        made.stop()
        relays.stop()


@pytest.fixture
def aurora(aurora_of_all: Aurora) -> Aurora:
    """The shared cluster, recovered from the test before."""
    wait_until(lambda: is_whole(aurora_of_all), what="a writer, and a reader that follows")
    return aurora_of_all


def is_whole(aurora: Aurora) -> bool:
    members = aurora.members()
    return [(one.answers, one.follows) for one in members if one.writes] == [(True, False)] and [
        one.follows for one in members if not one.writes
    ] == [True]


def host(aurora: Aurora, *, writes: bool) -> str:
    """Return the address of the server that writes, or of the reader, without the cluster's endpoints."""
    return next(one.address[0] for one in aurora.members() if one.writes is writes)


def writer(aurora: Aurora) -> str:
    return next(one.instance for one in aurora.members() if one.writes)


def run(host: str, *statements: str) -> Any:
    """Run statements as the cluster's master user; return the rows of the last one."""
    connection = pymysql.connect(
        host=host, port=PORT, user="admin", password="word", database="kept", autocommit=True, read_timeout=30
    )
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def position(host: str) -> Any:
    return run(host, "SELECT @@gtid_binlog_pos")


def has(aurora: Aurora, status: str) -> Callable[[], bool]:
    """Return a condition: the word is in the table on every member and through the reader endpoint."""

    def found() -> bool:
        places = [aurora.endpoint.reader, *(one.address[0] for one in aurora.members())]
        try:
            return all(run(place, f"SELECT 1 FROM saved WHERE word = '{status}'") for place in places)
        except pymysql.MySQLError:
            return False

    return found


def write(aurora: Aurora, status: str) -> None:
    run(aurora.endpoint.writer, f"INSERT INTO saved (word) VALUES ('{status}')")


def died_with_more(aurora: Aurora, status: str) -> bool:
    """Kill the writer while its log has a commit that no reader has; return whether the scenario worked."""
    before, dies = writer(aurora), host(aurora, writes=True)
    logged, acknowledged = position(dies), threading.Event()

    def commit() -> None:
        try:
            write(aurora, status)
        except pymysql.MySQLError:
            return
        acknowledged.set()

    client = threading.Thread(target=commit)
    run(host(aurora, writes=False), "STOP SLAVE IO_THREAD")
    client.start()
    wait_until(lambda: position(dies) != logged, what="the commit in the writer's log")
    aurora.act("kill_writer")
    client.join()
    wait_until(lambda: not is_whole(aurora), what="the death to be noticed")
    wait_until(lambda: is_whole(aurora), what="the cluster, whole again")
    return writer(aurora) != before and not acknowledged.is_set()


def test_a_writer_that_died_with_more_in_its_log_comes_back_without_it_and_with_all_else(
    aurora: Aurora,
) -> None:
    write(aurora, "first")
    for attempt in range(20):  # the reader may have resumed replication before the commit
        if died_with_more(aurora, f"lost {attempt}"):
            break
    else:
        pytest.fail("No writer died with more in its log.")
    write(aurora, "after")
    wait_until(has(aurora, "after"), what="what is written then, everywhere")
    wait_until(has(aurora, "first"), what="what was written before, everywhere")
    assert not has(aurora, f"lost {attempt}")()
    assert is_whole(aurora)


def test_a_reader_whose_replication_failed_follows_again(aurora: Aurora) -> None:
    ((file, at, *_rest),) = run(aurora.endpoint.writer, "SHOW MASTER STATUS")
    write(aurora, "twice")
    wait_until(has(aurora, "twice"), what="the row at the reader")
    run(
        host(aurora, writes=False),
        "STOP SLAVE",
        f"CHANGE MASTER TO MASTER_USE_GTID=no, MASTER_LOG_FILE='{file}', MASTER_LOG_POS={at}",
        "START SLAVE",  # the row is replicated a second time, which is an error
    )
    write(aurora, "later")
    wait_until(has(aurora, "later"), what="what was written later, everywhere")
    wait_until(lambda: is_whole(aurora), what="the reader's return")


def test_a_reader_that_was_told_to_follow_no_more_is_told_again(aurora: Aurora) -> None:
    run(host(aurora, writes=False), "STOP SLAVE", "RESET SLAVE ALL")
    write(aurora, "unheard")
    wait_until(has(aurora, "unheard"), what="what was written meanwhile, everywhere")
    wait_until(lambda: is_whole(aurora), what="the reader's return")


def test_a_writer_that_hangs_is_replaced_and_nobody_waits_for_it(aurora: Aurora) -> None:
    before = aurora.act("freeze_writer")
    requested = time.monotonic()
    with pytest.raises(ValueError, match=r".+"):
        aurora.act("failover")
    assert time.monotonic() - requested < LIMIT / 2
    wait_until(lambda: is_whole(aurora) and writer(aurora) != before, what="another writer")
    write(aurora, "thawed")
    wait_until(has(aurora, "thawed"), what="what is written then, everywhere")
