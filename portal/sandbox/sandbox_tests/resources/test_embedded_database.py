"""The substitute for MariaDB: MySQL's protocol over SQLite, from an application's point of view."""

from __future__ import annotations

import datetime
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from sandbox_tests.processes import LIMIT, wait_until
from sanso_sandbox.backends.databases.embedded.server import Server
from sanso_sandbox.protocols.databases import DatabaseSettings

TABLE = """
CREATE TABLE IF NOT EXISTS `saved_times` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `dt` DATETIME NOT NULL COMMENT 'when',
  PRIMARY KEY (`id`), KEY `dt_id` (`dt`, `id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""
SETTINGS = DatabaseSettings(port=3306, user="admin", password="it's", database="datelog", parameters={})
MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001  (DATETIME has no zone)
ENCRYPTED = {"check_hostname": False, "verify_mode": "none"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Server]:
    """A running database with the table of saved times."""
    server = Server(tmp_path, SETTINGS)
    run(connect(server), TABLE)
    yield server
    server.stop()


def connect(server: Server, **options: Any) -> Any:
    given = {"user": "admin", "password": "it's", "database": "datelog", "ssl": ENCRYPTED, **options}
    return pymysql.connect(host=server.endpoint.writer, port=server.endpoint.port, **given)


def run(connection: Any, statement: str, *values: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall()


def number(refused: pytest.ExceptionInfo[pymysql.MySQLError]) -> int:
    return int(refused.value.args[0])


def test_rows_come_back_with_their_types_and_numbers(database: Server) -> None:
    connection = connect(database)
    with connection.cursor() as cursor:
        assert cursor.execute("INSERT INTO saved_times (dt) VALUES (%s), (%s)", (MOMENT, MOMENT)) == 2
        assert cursor.lastrowid == 2
        cursor.execute("SELECT id, dt FROM saved_times ORDER BY dt, id LIMIT 1")
        assert cursor.fetchall() == ((1, MOMENT),)
        assert cursor.execute("UPDATE saved_times SET dt = NOW() WHERE id = 1") == 1
        assert cursor.execute("DELETE FROM saved_times WHERE id < 9") == 2


def test_connected_clients_are_counted_by_the_address_that_they_use(database: Server) -> None:
    clients = [connect(database) for _ in range(3)]
    wait_until(lambda: database.connections(database.endpoint.writer) == 3, what="three clients")
    for client in clients:
        client.close()
    wait_until(lambda: database.connections(database.endpoint.writer) == 0, what="the end of all clients")


def test_datelogs_checksum_of_all_times_changes_with_them(database: Server) -> None:
    checksum = "SELECT COUNT(dt), COALESCE(SUM(CRC32(dt)), 0) FROM saved_times WHERE dt >= '1000-01-01'"
    connection = connect(database)
    assert run(connection, checksum) == ((0, 0),)
    run(connection, "INSERT INTO saved_times (dt) VALUES (%s)", MOMENT)
    assert run(connection, checksum) == ((1, zlib.crc32(b"2024-01-02 03:04:05")),)
    assert run(connection, "SELECT CRC32(NULL)") == ((None,),)


def test_a_transaction_is_seen_by_others_once_it_is_committed(database: Server) -> None:
    writer, reader = connect(database), connect(database, autocommit=True)
    run(writer, "INSERT INTO saved_times (dt) VALUES (%s)", MOMENT)
    assert run(reader, "SELECT COUNT(*) FROM saved_times") == ((0,),)
    writer.commit()
    assert run(reader, "SELECT COUNT(*) FROM saved_times") == ((1,),)
    run(writer, "INSERT INTO saved_times (dt) VALUES (%s)", MOMENT)
    writer.rollback()
    writer.close()
    assert run(reader, "SELECT COUNT(*) FROM saved_times") == ((1,),)


def test_a_writer_waits_for_another_without_stopping_the_server(database: Server) -> None:
    first, second = connect(database), connect(database)
    run(first, "INSERT INTO saved_times (dt) VALUES (%s)", MOMENT)
    waiting = threading.Thread(
        target=lambda: (run(second, "INSERT INTO saved_times (dt) VALUES (%s)", MOMENT), second.commit())
    )
    waiting.start()
    assert run(connect(database), "SELECT 1") == ((1,),)
    first.commit()
    waiting.join(LIMIT)
    assert run(connect(database), "SELECT COUNT(*) FROM saved_times") == ((2,),)


def test_many_clients_connect_at_once_over_tls(database: Server) -> None:
    answers: list[Any] = []

    def send() -> None:
        connection = connect(database)
        answers.append(run(connection, "SELECT 41 + 1"))
        connection.close()

    threads = [threading.Thread(target=send) for _number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert answers == [((42,),)] * 24


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT * FROM nothing", 1146),
        ("SELECT colour FROM saved_times", 1054),
        ("SELEC 1", 1064),
        ("CREATE TABLE saved_times (a INT)", 1050),
        ("INSERT INTO saved_times (id, dt) VALUES (1, '2024-01-01'), (1, '2024-01-01')", 1062),
        ("INSERT INTO saved_times (dt) VALUES (NULL)", 1048),
        ("USE elsewhere", 1049),
        ("SELECT * FROM elsewhere.t", 1049),
        ("CREATE DATABASE datelog", 1007),
        ("DROP DATABASE elsewhere", 1008),
        ("CREATE USER admin@'%%' IDENTIFIED BY 'x'", 1396),
    ],
)
def test_errors_have_mysqls_numbers(database: Server, statement: str, error: int) -> None:
    with pytest.raises(pymysql.MySQLError) as refused:
        run(connect(database), statement.replace("%%", "%"))
    assert number(refused) == error


def test_statements_that_set_up_an_application_are_understood(database: Server) -> None:
    admin = connect(database, database=None)
    for statement in (
        "CREATE DATABASE IF NOT EXISTS datelog CHARACTER SET utf8mb4",
        "CREATE USER IF NOT EXISTS 'datelog'@'%' IDENTIFIED WITH mysql_native_password BY 'a\\'b'",
        "ALTER USER 'datelog'@'%' IDENTIFIED BY 'changed'",
        "GRANT SELECT, INSERT ON `datelog`.`saved_times` TO 'datelog'@'%'",
        "FLUSH PRIVILEGES",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "USE datelog",
        "INSERT INTO saved_times (id, dt) VALUES (1, '2024-01-02 03:04:05')",
        "INSERT INTO saved_times (id, dt) VALUES (1, NOW()) ON DUPLICATE KEY UPDATE dt = VALUES(dt)",
        "CREATE INDEX by_time ON saved_times (dt)",
        "TRUNCATE TABLE saved_times",
    ):
        run(admin, statement)
    user = connect(database, user="datelog", password="changed")
    assert run(user, "SHOW TABLES") == (("saved_times",),)
    with pytest.raises(pymysql.MySQLError) as refused:
        connect(database, user="datelog", password="a'b")
    assert number(refused) == 1045


def test_a_named_lock_is_one_connections_at_a_time(database: Server) -> None:
    first, second = connect(database), connect(database)
    assert run(first, "SELECT GET_LOCK('migrate', 1)") == ((1,),)
    assert run(second, "SELECT GET_LOCK('migrate', 0)") == ((0,),)
    first.close()
    assert run(second, "SELECT GET_LOCK('migrate', 10)") == ((1,),)


def test_strangers_are_refused_and_a_changed_password_counts(database: Server) -> None:
    for stranger in ({"user": "nobody"}, {"password": "guess"}):
        with pytest.raises(pymysql.MySQLError) as refused:
            connect(database, **stranger)
        assert number(refused) == 1045
    database.set_password("admin", "other")
    connect(database, password="other").close()


def test_a_server_that_wants_encryption_answers_nothing_without(tmp_path: Path) -> None:
    server = Server(tmp_path, replace(SETTINGS, parameters={"require_secure_transport": "ON"}))
    with pytest.raises(pymysql.MySQLError, match="insecure transport"):
        run(connect(server, ssl=None, ssl_disabled=True), "SELECT 1")
    assert run(connect(server), "SELECT 1") == ((1,),)
    server.stop()


def test_a_stopped_server_lets_nobody_in_and_leaves_no_file(tmp_path: Path) -> None:
    server = Server(tmp_path, SETTINGS)
    connection = connect(server)
    server.stop()
    with pytest.raises(pymysql.MySQLError):
        run(connection, "SELECT 1")
    with pytest.raises(pymysql.MySQLError, match="Can't connect"):
        connect(server)
    assert list(tmp_path.iterdir()) == []
