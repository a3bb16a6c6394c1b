"""Data folders that are prepared once for all runs, in ~/.cache/sanso/tests, and copied by each.

An installed MariaDB, and the test database with all migrations. The name of a folder ends with a hash of all
that its content depends on: programs, packages, migrations, models, time zones.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection

from deployments.migrations import _audit_triggers
from deployments.template_sets import template_files
from tests.mariadb import OPTIONS, MariaDB, install_mariadb, start_mariadb
from tests.services import REPOSITORY, find_program

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sanso" / "tests"
KEPT = 3
"""Folders of a name that stay, in addition to those used within the last hour."""
TEST_DATABASE = "test_sanso"
RECORD_CHECK = """
from django.conf import settings
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
TemplateCheck.objects.create(digest=template_files.load(settings.SANSO_TEMPLATE_SET).digest)
"""
ZONES = Path("/usr/share/zoneinfo/tzdata.zi")


def installed_mariadb() -> Path:
    """Return a data folder with the time zone tables and without databases."""
    return prepared("mariadb", _server(), lambda folder: install_mariadb(folder, folder / "data"))


def migrated_mariadb() -> Path:
    """Return a data folder with the test database, to which all migrations are applied."""
    return prepared("migrated", [*_server(), *_schema()], _migrate_mariadb)


def migrated_sqlite() -> Path:
    """Return a folder with the test database as the file `test.sqlite3`."""
    return prepared("sqlite", _schema(), _migrate_sqlite)


def migrated_data_folder() -> Path:
    """Return a portal's data folder with its own database, to which all migrations are applied.

    The bundled template set counts as checked there: otherwise each start would run cfn-lint.
    """
    digest = template_files.load(settings.SANSO_TEMPLATE_SET).digest
    return prepared("folder", [*_schema(), digest], _migrate_data_folder)


def start_installed(folder: Path, *, port: int | None = None, options: Sequence[str] = ()) -> MariaDB:
    """Start a MariaDB in `folder` as `start_mariadb` does, on a copy of the prepared installation."""
    return start_mariadb(folder, port=port, options=options, data=installed_mariadb() / "data")


def use_test_database(name: str) -> None:
    """Connect to a test database from now on, as Django's own test runner does once it is created."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name


def prepared(name: str, parts: Iterable[str], build: Callable[[Path], None]) -> Path:
    """Return the folder for `parts`, which `build` fills if it does not exist, in one process at a time."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _remove_old(name)
            fresh = Path(tempfile.mkdtemp(prefix=f"new-{name}-", dir=CACHE))
            try:
                build(fresh)
                fresh.rename(folder)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        os.utime(folder)
    return folder


def _remove_old(name: str) -> None:
    found = sorted(CACHE.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[KEPT:]:
        if path.stat().st_mtime < time.time() - 3600:
            shutil.rmtree(path, ignore_errors=True)


def _server() -> list[str]:
    version = subprocess.run(
        [find_program("mariadbd"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    zones = ZONES.read_bytes() if ZONES.exists() else b""
    return [
        version,
        *OPTIONS,
        hashlib.sha256(zones).hexdigest(),
        _hash(Path(install_mariadb.__code__.co_filename)),
    ]


def _schema() -> list[str]:
    """Return what the tables depend on, and the rows that migrations and Django write: permissions, types."""
    own = [REPOSITORY / "requirements-test.lock", Path(__file__), *REPOSITORY.glob("*/migrations/*.py")]
    models = (
        f"{meta.label} {meta.verbose_name} {meta.default_permissions} {meta.permissions}"
        for meta in (model._meta for model in apps.get_models(include_auto_created=True))
    )
    files = (f"{path.relative_to(REPOSITORY)} {_hash(path)}" for path in sorted(own))
    return [*settings.INSTALLED_APPS, *sorted(models), *files]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _migrate_mariadb(folder: Path) -> None:
    before = connection.settings_dict["NAME"]
    server = start_installed(folder, port=int(connection.settings_dict["PORT"]))
    try:
        _create(TEST_DATABASE)
    finally:
        use_test_database(before)
        server.stop()
    for path in folder.iterdir():
        if path.name != "data":
            path.unlink()


def _migrate_sqlite(folder: Path) -> None:
    before = connection.settings_dict["NAME"]
    try:
        _create(str(folder / "test.sqlite3"))
    finally:
        use_test_database(before)


def _migrate_data_folder(folder: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment = inherited | {"SANSO_DATA_DIR": str(folder)}
    for arguments in (["migrate"], ["shell", "--command", RECORD_CHECK]):
        command = [sys.executable, "manage.py", *arguments, "--verbosity", "0"]
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)


def _create(name: str) -> None:
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    # Tests with transactions empty all tables afterwards, which these triggers of audit records refuse.
    _audit_triggers.drop_triggers(connection)
