"""A worker's thread keeps its connection to the database between tasks, and replaces one that was lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections

from deployments.common import kept_connections
from portal.celery_app import app
from tests.mariadb import MariaDB
from tests.running import has_messages
from tests.services import Redis, Service, wait_until

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this thread keep its connection, as in a worker."""
    own = connections.settings["default"]
    for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
        monkeypatch.setitem(own, name, own[name])  # restored afterwards
    kept_connections.keep_connections()
    connection.close()
    connection.ensure_connection()
    yield
    connection.close()


def test_a_connection_is_kept_until_it_has_had_an_error(kept: None) -> None:
    opened = connection.connection

    kept_connections.check_connections()
    assert connection.connection is opened

    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT missing FROM missing")
    kept_connections.check_connections()
    assert connection.connection is None


def test_a_connection_is_replaced_after_a_minute(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.close_at is not None
    monkeypatch.setattr(connection, "close_at", connection.close_at - kept_connections.MAX_AGE)

    kept_connections.check_connections()

    assert connection.connection is None


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="SQLite has no server to ask")
def test_a_workers_thread_has_one_connection_and_replaces_it_when_the_server_has_closed_it(
    process_environment: dict[str, str], mariadb_server: MariaDB, redis_server: Redis, tmp_path: Path
) -> None:
    worker = Service(
        command=[sys.executable, *("-m", "celery", "-A", "portal", "worker", "-P", "threads", "-c", "1")],
        folder=tmp_path / "worker",
        port=0,
        answers=lambda: True,
        environment=process_environment | {"SANSO_DATA_DIR": str(tmp_path / "data")},
    )
    before = open_connections(mariadb_server)

    def of_worker_after_a_task() -> set[int]:
        app.send_task("deployments.tick_deployment", (1, 0))  # no such row: its step ends at once
        wait_until(lambda: not has_messages(), what="the end of the task")
        return open_connections(mariadb_server) - before

    worker.start()
    try:
        first = of_worker_after_a_task()
        assert len(first) == 1
        assert of_worker_after_a_task() == first

        mariadb_server.execute(f"KILL CONNECTION {min(first)}")
        second = of_worker_after_a_task()
        assert len(second) == 1
        assert second != first
        assert "Traceback" not in worker.log.read_text()
    finally:
        worker.kill()


def open_connections(server: MariaDB) -> set[int]:
    """Return the numbers of the connections to the tests' database."""
    name = connection.settings_dict["NAME"]
    found = server.execute(f"SELECT id FROM information_schema.PROCESSLIST WHERE db = '{name}'")
    return {int(number) for number in found.split()}
