"""Exports and imports of the database by its own tools: SQLite's backup API, or mariadb-dump."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection

from portal.backups.manifest import BackupError

SQLITE, MYSQL = "sqlite", "mysql"
FILES = {SQLITE: "database.sqlite3", MYSQL: "database.sql"}
_TABLE = re.compile(rb"CREATE TABLE `([^`]+)`")
_ROW = re.compile(rb"INSERT INTO `([^`]+)`")
_END = b"-- Dump completed"


def tables() -> set[str]:
    """Return the tables of the database of the settings."""
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def export(target: Path) -> dict[str, int]:
    """Write all data that is committed at one instant to a file, and return the number of rows by table.

    Other processes may read and write meanwhile. Raise BackupError if the export is incomplete.
    """
    rows = _export_sqlite(target) if connection.vendor == SQLITE else _export_mysql(target)
    if missing := tables() - set(rows):
        raise BackupError(f"The export is incomplete: the table {min(missing)} is not in it.")
    if not rows.get("django_migrations"):
        raise BackupError("The database is empty: run manage.py migrate, or check DATABASE_URL.")
    return rows


def load(source: Path) -> dict[str, int]:
    """Read an export into the empty database of the settings, and return the number of rows by table."""
    if connection.vendor == SQLITE:
        _load_sqlite(source)
    else:
        _load_mysql(source)
    with connection.cursor() as cursor:
        return {table: _count(cursor, connection.ops.quote_name(table)) for table in tables()}


def _count(cursor: Any, table: str) -> int:
    cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608  (a quoted name of a table that exists)
    return int(cursor.fetchone()[0])


def _export_sqlite(target: Path) -> dict[str, int]:
    with (
        contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)  # https://www.sqlite.org/backup.html
        copy.execute("PRAGMA journal_mode=DELETE")
        (result,) = copy.execute("PRAGMA integrity_check").fetchone()
        if result != "ok":
            raise BackupError(f"The database is damaged: {result}")
        names = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: _count_sqlite(copy, name) for (name,) in names.fetchall() if not name.startswith("sqlite_")
        }


def _count_sqlite(database: sqlite3.Connection, table: str) -> int:
    (number,) = database.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()  # noqa: S608  (a table that exists)
    return int(number)


def _load_sqlite(source: Path) -> None:
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        contextlib.closing(sqlite3.connect(source)) as copy,
        contextlib.closing(sqlite3.connect(target)) as database,
    ):
        copy.backup(database)
    target.chmod(0o600)


def _export_mysql(target: Path) -> dict[str, int]:
    program = _program("mariadb-dump", "mysqldump")
    # One INSERT for each row: this counts the rows of the same instant without another query.
    options = ["--single-transaction", "--quick", "--skip-lock-tables", "--no-tablespaces", "--hex-blob"]
    options += ["--skip-extended-insert", "--no-autocommit", "--default-character-set=utf8mb4"]
    about = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if "MariaDB" not in about:
        options.append("--set-gtid-purged=OFF")
    with _connection_file() as file, target.open("wb") as output:
        command = [program, f"--defaults-extra-file={file}", *options, str(connection.settings_dict["NAME"])]
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise BackupError(f"{Path(program).name} failed: {_last_line(done.stderr)}")
    return _rows_of_dump(target)


def _rows_of_dump(dump: Path) -> dict[str, int]:
    rows: Counter[str] = Counter()
    last = b""
    with dump.open("rb") as file:
        for line in file:
            if found := _ROW.match(line):
                rows[found.group(1).decode()] += 1
            elif found := _TABLE.match(line):
                rows[found.group(1).decode()] += 0
            last = line if line.strip() else last
    if not last.startswith(_END):
        raise BackupError("The export is incomplete: it ends in the middle.")
    return dict(rows)


def _load_mysql(source: Path) -> None:
    program = _program("mariadb", "mysql")
    with _connection_file() as file, source.open("rb") as dump:
        name = str(connection.settings_dict["NAME"])
        command = [program, f"--defaults-extra-file={file}", "--default-character-set=utf8mb4", name]
        done = subprocess.run(command, stdin=dump, capture_output=True, check=False)
    if done.returncode:
        raise BackupError(
            f"{Path(program).name} failed: {_last_line(done.stderr)}. Empty the database, and try again."
        )


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise BackupError(f"Neither {' nor '.join(names)} is installed: install the client of the database.")


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"


@contextlib.contextmanager
def _connection_file() -> Iterator[str]:
    """Yield an option file with the connection: every user can read the arguments of a process.

    https://mariadb.com/kb/en/configuring-mariadb-with-option-files/
    """
    found = connection.settings_dict
    host = str(found["HOST"] or "localhost")
    values = {
        "user": found["USER"],
        "password": found["PASSWORD"],
        "socket" if host.startswith("/") else "host": host,
        "port": found["PORT"],
        **{f"ssl-{name}": value for name, value in found["OPTIONS"].get("ssl", {}).items()},
    }
    descriptor, name = tempfile.mkstemp(prefix="sanso-client-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("[client]\n")
            for key, value in values.items():
                if value:
                    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
                    file.write(f'{key}="{escaped}"\n')
        yield name
    finally:
        Path(name).unlink()
