"""Setup of all tests: settings of private servers, no AWS, no network beyond loopback.

`--database=mariadb` (the default) runs everything on MariaDB; `--database=sqlite` runs the core tests on
SQLite, the embedded default. Redis is never a fake. A server starts when the first test needs it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
import time
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
from tests import loopback_only, prepared, times
from tests.mariadb import MariaDB, start_mariadb
from tests.services import LOOPBACK, Redis, Sandbox, free_port, start_redis, start_sandbox, started_sandboxes

# Folders that the SQLite run collects, in addition to tests marked `core`.
AREAS = (
    "actions",
    "api",
    "catalog",
    "fuzz",
    "live",
    "models",
    "presentation",
    "runner",
    "sources",
    "upgrade",
    "views",
)
CORE = tuple(f"tests/{area}/" for area in AREAS)
MARKED = "pytest.mark.core"
# Folders of which a SQLite run of all tests takes only files marked `core`: the queries of the others do not
# differ, they test what pages and the API display, or they take longest.
FEW_ON_SQLITE = ("actions", "api", "catalog", "fuzz", "presentation", "runner", "sources", "views")
SAME_ON_BOTH = (
    *(f"tests/{area}/" for area in FEW_ON_SQLITE),
    *("tests/upgrade/test_access_before.py", "tests/upgrade/test_pages.py"),
)
LONG = 300  # seconds: a test with a timeout of its own that is not shorter is a long one
IS_LONG = pytest.StashKey[bool]()
# Seconds since the epoch after which no long test begins, so that CI's run ends in time on a slow machine.
LONG_TESTS_UNTIL = float(os.environ.get("LONG_TESTS_UNTIL", "inf"))
HANGING = 600  # seconds after which a test counts as hanging
FOLDER = Path(tempfile.mkdtemp(prefix="sanso-tests-"))  # each worker of pytest-xdist has its own
running_mariadb: list[MariaDB] = []
running_redis: list[Redis] = []

# Examples are the same in every run and have no deadline, so that no test fails by chance on a busy machine.
hypothesis.settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
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
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANSO_"))]:
        del os.environ[name]
    url = {"mariadb": f"mysql://root@{LOOPBACK}:{free_port()}/sanso", "sqlite": f"sqlite:///{FOLDER}/sanso"}
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": secrets.token_hex(32),
        "DEBUG": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "DATABASE_URL": url[database],
        "REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0",
        "SANSO_DATA_DIR": str(FOLDER / "data"),
        "SANSO_SANDBOX_URL": f"http://{LOOPBACK}:{free_port()}",
        "SANSO_SANDBOX_TOKEN_FILE": str(FOLDER / "sandbox" / "data" / "token"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(times.Recorder(config))
    config.addinivalue_line("markers", "core: also part of the SQLite run (make test runs both databases)")
    loopback_only.enforce()
    # Django's default hasher takes a third of a second for each user that a test creates.
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickHasher"]


def pytest_unconfigure() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip files without core tests in a SQLite run of all tests: most files, which take long to import."""
    is_whole = [Path(arg).name for arg in config.args] == ["tests"]
    if config.getoption("database") != "sqlite" or not is_whole or not collection_path.match("test_*.py"):
        return None
    name = collection_path.relative_to(config.rootpath).as_posix()
    if name.startswith(CORE) and not name.startswith(SAME_ON_BOTH):
        return None
    return None if MARKED in collection_path.read_text() else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that are not core in the SQLite run, and sort the long tests first.

    pytest-xdist distributes whole files in this order; a long one at the end would run alone. Of the long
    tests the shortest come first, and those that kill workers last, so that LONG_TESTS_UNTIL skips few.
    """
    for item in items:
        item.stash[IS_LONG] = timeout_of(item) >= LONG
    items.sort(key=order_of)
    if config.getoption("timeout") is None:  # the timeouts of tests assume an idle machine
        for item in items:
            item.add_marker(pytest.mark.timeout(max(2 * timeout_of(item), HANGING)), append=False)
    if config.getoption("database") == "sqlite":
        config.hook.pytest_deselected(items=[item for item in items if not is_core(item)])
        items[:] = [item for item in items if is_core(item)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin in the default language, and with a connection to the database that works.

    Django's client leaves the language of its last request active. Tests without transactions share one
    connection, which Django never replaces between them: a lost one would fail all of them.
    """
    if item.stash[IS_LONG] and time.time() > LONG_TESTS_UNTIL:
        pytest.skip(f"LONG TEST NOT RUN for want of time (.ci/run): {item.nodeid}")
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


def is_core(item: pytest.Item) -> bool:
    return item.nodeid.startswith(CORE) or item.get_closest_marker("core") is not None


def timeout_of(item: pytest.Item) -> float:
    """Return the timeout of a test in seconds, 0 if it has none of its own."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0


def order_of(item: pytest.Item) -> tuple[int, float]:
    if not item.stash[IS_LONG]:
        return 2, -timeout_of(item)
    return int(item.nodeid.startswith("tests/chaos/")), timeout_of(item)


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


@pytest.fixture
def sandbox_account(sandbox: Sandbox) -> Iterator[str]:
    """The 12-digit id of an account for one test, which is emptied afterwards."""
    account = str(secrets.randbelow(9 * 10**11) + 10**11)
    yield account
    sandbox.control("POST", "reset", account=account)


@pytest.fixture(autouse=True)
def _responses_have_their_shape() -> Iterator[None]:
    """Fail a test in which a sandbox sent a response that does not match botocore's shape of it."""
    yield
    found = "".join(server.invalid_responses() for server in started_sandboxes)
    if found:
        pytest.fail(f"Responses of the sandbox that AWS would not send:\n{found}", pytrace=False)


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


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: it is bound during the test, and nothing listens on it."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        yield taken.getsockname()[1]


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
