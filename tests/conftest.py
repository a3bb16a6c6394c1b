"""Setup of all tests: settings of private servers, no AWS, no network beyond loopback.

`--database=mariadb` (the default) runs everything on MariaDB; `--database=sqlite` runs the core tests on
SQLite, the embedded default. Redis is never a fake. A server starts when the first test needs it.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import django
import hypothesis
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import translation
from hypothesis import HealthCheck
from pytest_django import DjangoDbBlocker

from portal.translations import compile_catalogs
from sandbox_tests import explained, loopback_only
from sandbox_tests.fixtures import closed_port, responses_have_their_shape, sandbox_account
from sandbox_tests.processes import without_aws
from tests import emptied, forked, parts, prepared, reach, times
from tests.explained import assert_recognized
from tests.frame_room import with_room
from tests.mariadb import MariaDB, start_mariadb
from tests.selection import Selection
from tests.services import (
    LOOPBACK,
    REPOSITORY,
    Redis,
    Sandbox,
    free_port,
    start_redis,
    start_sandbox,
)

__all__ = ["closed_port", "responses_have_their_shape", "sandbox_account"]

USUAL_THRESHOLDS = (700, 10, 10)
FOLDER = Path(tempfile.mkdtemp(prefix="sanso-tests-"))  # each worker of pytest-xdist has its own
running_mariadb: list[MariaDB] = []
running_redis: list[Redis] = []

# Examples are the same in every `make test`, by the seed of pytest_configure, and have no deadline, so that
# no test fails by chance. With `derandomize` they would be the same in parts of `make test-all` as well.
hypothesis.settings.register_profile(
    "same", derandomize=False, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Choose the servers' addresses and then set up Django.

    pytest-django reads the settings before any conftest is loaded if it has their name, so this is done here.
    """
    parser.addoption(
        "--database",
        choices=["mariadb", "sqlite"],
        default="mariadb",
        help="run on a private MariaDB (everything), or on SQLite (the core tests)",
    )
    parser.addoption("--reach", default="", help="keep in this file which functions are called (tests.reach)")
    parser.addoption("--times", action="store_true", help="print and keep where the time went (tests.times)")
    if settings.configured:
        pytest.exit("Django's settings were read too early: unset DJANGO_SETTINGS_MODULE and try again", 4)
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    choose_environment(parser.parse_known_args(config.invocation_params.args).database)
    django.setup()
    del os.environ["DJANGO_SETTINGS_MODULE"]  # or workers of pytest-xdist would read the settings too early


def choose_environment(database: str) -> None:
    """Set the variables of the settings: own folder and ports, nothing of AWS or of the developer."""
    without_aws()
    url = {"mariadb": f"mysql://root@{LOOPBACK}:{free_port()}/sanso", "sqlite": f"sqlite:///{FOLDER}/sanso"}
    # Processes import the sandbox and the command line of this checkout, in whichever environment tests run.
    folders = [str(REPOSITORY / folder) for folder in ("portal/sandbox", "portal/command_line")]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": secrets.token_hex(32),
        "DEBUG": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "DATABASE_URL": url[database],
        "REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0",
        "SANSO_DATA_DIR": str(FOLDER / "data"),
        "SANSO_SANDBOX_URL": f"http://{LOOPBACK}:{free_port()}",
        "SANSO_SANDBOX_TOKEN_FILE": str(FOLDER / "sandbox" / "data" / "token"),
    }


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(times.Recorder(config))
    config.pluginmanager.register(parts.Parts())
    config.pluginmanager.register(Selection())
    if config.getoption("reach"):
        config.pluginmanager.register(reach.Recorder(config))
    explained.checks.append(assert_recognized)
    forked.enabled = sys.platform == "linux"
    config.addinivalue_line("markers", "core: also part of the SQLite run (make test-all PART=sqlite)")
    loopback_only.enforce()
    emptied.use()
    if hypothesis.core.global_force_seed is None:  # not set by --hypothesis-seed
        hypothesis.core.global_force_seed = parts.seed()  # type: ignore[assignment]  # None or an integer
    # Django's default hasher takes a third of a second for each user that a test creates.
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickHasher"]
    # Each of Django's test clients would read all static files, as a web process does once.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    """Run all tests with room for their frames."""
    others = config.pluginmanager.subset_hook_caller("pytest_cmdline_main", [sys.modules[__name__]])
    result: int | pytest.ExitCode | None = with_room(others, config=config)
    return result


def pytest_unconfigure() -> None:
    forked.stop_servers()
    shutil.rmtree(FOLDER, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Collect garbage as often as Python usually does, which the portal does less often.

    What a test left open is then reported near that test. What exists before the first test is not looked at
    again: it is most of all objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*USUAL_THRESHOLDS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin in the default language, and with a connection to the database that works.

    Django's client leaves the language of its last request active. Tests without transactions share one
    connection, which Django never replaces between them: a lost one would fail all of them.
    """
    translation.deactivate()
    lost = connection.connection is not None and not connection.is_usable()
    if lost:
        del connections[DEFAULT_DB_ALIAS]  # with the state of transactions that it had
    for server in running_mariadb:
        if lost or not server.is_running():
            log = server.log.read_text(errors="replace")[-2000:]
            item.warn(pytest.PytestWarning(f"The connection to the database was lost. MariaDB:\n{log}"))
        if not server.is_running():
            server.start()


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """Compile the catalogs before the first page in Japanese is requested, because gettext caches them."""
    compile_catalogs(settings.LOCALE_PATHS)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """The MariaDB server of the settings with the test database; in the SQLite run a separate, empty one."""
    if connection.vendor == "mysql":
        data, port = prepared.migrated_mariadb() / "data", int(connection.settings_dict["PORT"])
        server = start_mariadb(FOLDER / "mariadb", port=port, data=data)
    else:
        server = prepared.start_installed(FOLDER / "mariadb")
    running_mariadb.append(server)
    yield server
    running_mariadb.remove(server)
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The Redis server of the settings, which is empty at the start of every test."""
    server = start_redis(FOLDER / "redis", port=urlsplit(settings.REDIS_URL).port)
    running_redis.append(server)
    yield server
    running_redis.remove(server)
    server.stop()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The sandbox of the settings, with time scale 0. Tests use separate accounts: `sandbox_account`."""
    server = start_sandbox(FOLDER / "sandbox", port=urlsplit(settings.SANSO_SANDBOX_URL).port)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    redis_server: Redis,
) -> None:
    """Start the servers of tests with a database, a copy of the prepared one; SQLite is a file in WAL mode.

    In place of pytest-django's fixture, which applies all migrations. Each worker has servers of its own.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "mysql":
            request.getfixturevalue("mariadb_server")
            prepared.use_test_database(prepared.TEST_DATABASE)
        else:
            own = FOLDER / "test.sqlite3"
            shutil.copyfile(prepared.migrated_sqlite() / own.name, own)
            prepared.use_test_database(str(own))


@pytest.fixture(autouse=True)
def _empty_redis() -> Iterator[None]:
    """Flush Redis after each test, and start it again if it is down."""
    yield
    for server in running_redis:
        if not server.is_running():
            server.start()
        server.flush()


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a worker, dispatcher or web process that shares this test's database."""
    name = str(connection.settings_dict["NAME"])
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {**os.environ, "DATABASE_URL": f"{base}/{name.rpartition('/')[-1]}"}
