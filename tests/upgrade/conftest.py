"""The previous release's database, upgraded in a separate database for a test file or for one test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from tests.running import Portal
from tests.services import Redis, Sandbox
from tests.upgrade import SECRET_KEY, load
from tests.upgrade.dump import FILE, FOLDER, USED, Dump, read
from tests.upgrade.make_fixture import SMALL_SET
from tests.upgrade.upgraded import fill


@pytest.fixture(scope="session")
def dump() -> Dump:
    """The fixture."""
    return read()


@pytest.fixture(scope="session")
def used_dump() -> Dump:
    """The fixture after the later release had used it."""
    return read(FOLDER / USED)


@pytest.fixture(scope="session")
def database_server(
    request: pytest.FixtureRequest, redis_server: Redis, django_db_blocker: DjangoDbBlocker
) -> None:
    """The database server of the tests."""
    if connection.vendor == "mysql":
        with django_db_blocker.unblock():  # the prepared database may have to be created first
            request.getfixturevalue("mariadb_server")


@pytest.fixture(scope="module")
def empty_database(
    database_server: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """An empty database in place of the test database, for the tests of one file."""
    folder: Path = tmp_path_factory.mktemp("upgrade")
    name = f"upgrade_{secrets.token_hex(4)}"
    with django_db_blocker.unblock(), load.fresh_database(name, folder):
        yield


@pytest.fixture(scope="module")
def upgraded(empty_database: None) -> None:
    """The database of the release after the upgrade. Tests only read from it."""
    fill(FOLDER / FILE)


@pytest.fixture(scope="module")
def upgraded_after_use(empty_database: None) -> None:
    """The database of the later release after the upgrade. Tests only read from it."""
    fill(FOLDER / USED)


@pytest.fixture
def own_database(
    database_server: None, django_db_blocker: DjangoDbBlocker, settings: Settings, tmp_path: Path
) -> Iterator[None]:
    """An empty database for this test, and the key that the release's values are sealed with."""
    settings.SECRET_KEY = SECRET_KEY
    name = f"upgrade_{secrets.token_hex(4)}"
    with django_db_blocker.unblock(), load.fresh_database(name, tmp_path):
        yield


@pytest.fixture
def portal(own_database: None, sandbox: Sandbox, redis_server: Redis, tmp_path: Path) -> Iterator[Portal]:
    """A worker and a dispatcher for the upgraded database; they are not started yet."""
    environment = {
        **os.environ,
        "DATABASE_URL": load.url(),
        "SECRET_KEY": SECRET_KEY,
        "SANSO_TEMPLATE_SET": str(SMALL_SET),
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    portal = Portal(environment, tmp_path, sandbox)
    yield portal
    if portal.services:
        portal.stop()
