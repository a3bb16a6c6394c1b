"""Loads the fixture into an empty database: the release's schema, its rows, then every later migration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.upgrade.dump import Dump, Table


@contextmanager
def database(name: str) -> Iterator[None]:
    """Connect the default connection to another database of the same server, or to another file."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@contextmanager
def fresh_database(name: str, folder: Path) -> Iterator[None]:
    """Create an empty database, use it as the default one, and drop it."""
    if connection.vendor == "sqlite":
        with database(str(folder / f"{name}.sqlite3")):
            yield
        return
    with database("sanso"), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        with database(name):
            yield
    finally:
        with database("sanso"), connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def url() -> str:
    """Return the DATABASE_URL of processes that use the same database as the default connection."""
    name = str(connection.settings_dict["NAME"])
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{server}/{name}"


def load_release(dump: Dump) -> None:
    """Create the release's schema in the empty default database and insert its rows."""
    squashed = MigrationLoader(None).replacements.items()
    replaced_by = {old: name for (_app, name), one in squashed for _, old in one.replaces}
    for app, migration in last_migrations(dump).items():
        call_command("migrate", app, replaced_by.get(migration, migration), verbosity=0)
    with connection.constraint_checks_disabled():
        for name, table in dump.tables.items():
            _fill(name, table)
    connection.check_constraints()


def upgrade() -> None:
    """Run the migrations that follow the release, as `make run` and an operator do."""
    call_command("migrate", verbosity=0)


def last_migrations(dump: Dump) -> dict[str, str]:
    """Return the last migration of each app that the release had applied."""
    rows = sorted(dump.records("django_migrations"), key=lambda row: str(row["name"]))
    return {row["app"]: row["name"] for row in rows}


def _fill(name: str, table: Table) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, table.columns))
    places = ", ".join(["%s"] * len(table.columns))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {quote(name)}")
        if table.rows:
            cursor.executemany(f"INSERT INTO {quote(name)} ({columns}) VALUES ({places})", table.rows)


def all_rows(table: str) -> list[tuple[Any, ...]]:
    """Return the current rows of a table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")
        return list(cursor.fetchall())
