"""Set-up of all tests: settings of private servers, no AWS, no network beyond loopback.

`--database=mariadb` (the default) runs everything on a real MariaDB; `--database=sqlite` runs the core tests
on SQLite, the embedded default. Redis is always real. A server starts when the first test asks for it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import django
import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from pytest_django import DjangoDbBlocker

from deployments.migrations import _audit_triggers
from portal.translations import compile_catalogs
from tests import loopback_only
from tests.services import (
    LOOPBACK,
    MariaDB,
    Redis,
    Sandbox,
    free_port,
    start_mariadb,
    start_redis,
    start_sandbox,
)

# What the SQLite run collects, besides what is marked `core`.
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
# Among them, what the whole SQLite run leaves out: what has no queries that differ, what pages and the API
# show, and the longest ones.
SAME_ON_BOTH = (
    *(f"tests/{area}/" for area in ("api", "catalog", "fuzz", "presentation", "sources", "views")),
    "tests/upgrade/test_access_before.py",
)
HANGING = 600  # seconds after which a test counts as hanging
FOLDER = Path(tempfile.mkdtemp(prefix="sanso-tests-"))  # each worker of pytest-xdist has its own
running_redis: list[Redis] = []

# No test fails by chance: the examples are the same in every run, and a busy machine may be slow.
hypothesis.settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Choose the servers' addresses and then set Django up.

    That is done here because pytest-django, told of the settings, reads them before any conftest is loaded.
    """
    parser.addoption(
        "--database",
        choices=["mariadb", "sqlite"],
        default="mariadb",
        help="run on a private MariaDB (everything), or on SQLite (the core tests)",
    )
    if settings.configured:
        pytest.exit("Django's settings were read too early: unset DJANGO_SETTINGS_MODULE and try again", 4)
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    choose_environment(parser.parse_known_args(config.invocation_params.args).database)
    django.setup()
    del os.environ["DJANGO_SETTINGS_MODULE"]  # or workers of pytest-xdist would read the settings too early


def choose_environment(database: str) -> None:
    """Set what the settings read: own folder and ports, no AWS credentials, nothing of the developer's."""
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
    config.addinivalue_line("markers", "core: also part of the SQLite run (make test runs both databases)")
    loopback_only.enforce()
    # The real one takes a third of a second for each user that a test makes.
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickHasher"]


def pytest_unconfigure() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out of the whole SQLite run files without core tests: they are most, and take long to import."""
    is_whole = [Path(arg).name for arg in config.args] == ["tests"]
    if config.getoption("database") != "sqlite" or not is_whole or not collection_path.match("test_*.py"):
        return None
    name = collection_path.relative_to(config.rootpath).as_posix()
    if name.startswith(CORE) and not name.startswith(SAME_ON_BOTH):
        return None
    return None if MARKED in collection_path.read_text() else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of the SQLite run what is not core; begin with what may take longest.

    Whole files go to the processes, in this order: a long one that came last would be waited for alone.
    """
    items.sort(key=timeout_of, reverse=True)
    if config.getoption("timeout") is None:  # what tests say is for a machine of their own
        for item in items:
            item.add_marker(pytest.mark.timeout(max(2 * timeout_of(item), HANGING)), append=False)
    if config.getoption("database") == "sqlite":
        config.hook.pytest_deselected(items=[item for item in items if not is_core(item)])
        items[:] = [item for item in items if is_core(item)]


def is_core(item: pytest.Item) -> bool:
    return item.nodeid.startswith(CORE) or item.get_closest_marker("core") is not None


def timeout_of(item: pytest.Item) -> float:
    """Return how many seconds a test may take, where it says so."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0


@pytest.fixture(scope="session", autouse=True)
def _translations() -> None:
    """Compile the catalogs before the first page in Japanese is requested: gettext caches them."""
    compile_catalogs(settings.LOCALE_PATHS)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """The MariaDB that the settings name (or a spare one in the SQLite run)."""
    database = settings.DATABASES["default"]
    port = int(database["PORT"]) if "mysql" in database["ENGINE"] else None
    server = start_mariadb(FOLDER / "mariadb", port=port)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The Redis that the settings name. Every test finds it empty."""
    server = start_redis(FOLDER / "redis", port=urlsplit(settings.REDIS_URL).port)
    running_redis.append(server)
    yield server
    running_redis.remove(server)
    server.stop()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The sandbox that the settings name, at pace 0. Tests stay apart by `sandbox_account`."""
    server = start_sandbox(FOLDER / "sandbox", port=urlsplit(settings.SANSO_SANDBOX_URL).port)
    yield server
    server.stop()


@pytest.fixture
def sandbox_account(sandbox: Sandbox) -> Iterator[str]:
    """A 12-digit account id of this test alone, emptied afterwards."""
    account = str(secrets.randbelow(9 * 10**11) + 10**11)
    yield account
    sandbox.control("POST", "reset", account=account)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, django_db_modify_db_settings_parallel_suffix: None, redis_server: Redis
) -> None:
    """Start what a test with a database needs; SQLite is tested as a file in WAL mode, as it is run."""
    if connection.vendor == "mysql":
        request.getfixturevalue("mariadb_server")
    else:
        connection.settings_dict["TEST"]["NAME"] = str(FOLDER / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Drop the triggers that keep audit records: tests with transactions empty all tables afterwards."""
    with django_db_blocker.unblock():
        _audit_triggers.drop_triggers(connection)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: it is taken during the test, and nothing listens there."""
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
