"""The database: its engine, version, isolation level, character set, time zones, migrations and clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from portal.doctor.finding import Finding, ok, problem, warning

MINIMUM = {"mysql": (8, 0, 11), "mariadb": (10, 5)}
MAX_SKEW = 2.0
"""Seconds: due times are compared between machines, and steps are a second apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInfo:
    """The database's own facts; `error` instead if it does not respond. `skew` is in seconds."""

    engine: str = ""
    version: tuple[int, ...] = ()
    isolation: str = ""
    charset: str = ""
    has_zones: bool = True
    waiting: tuple[str, ...] = ()
    skew: float = 0.0
    error: str = ""


def read() -> DatabaseInfo:
    """Return the facts about the database of the settings."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        waiting = tuple(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
        if connection.vendor != "mysql":
            version = tuple(int(part) for part in connection.get_database_version())
            return DatabaseInfo(engine=connection.vendor, version=version, waiting=waiting)
        return _of_mysql(waiting)
    except DatabaseError as exc:
        return DatabaseInfo(error=type(exc).__name__)


def _of_mysql(waiting: tuple[str, ...]) -> DatabaseInfo:
    is_mariadb = bool(getattr(connection, "mysql_is_mariadb", False))
    isolation = "tx_isolation" if is_mariadb else "transaction_isolation"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT @@session.{isolation}, @@character_set_connection, @@character_set_database, "
            "CONVERT_TZ('2026-07-01 12:00:00', 'UTC', 'Europe/Berlin'), UTC_TIMESTAMP(6)"
        )
        level, connected, stored, converted, now = cursor.fetchone()
    here: Any = datetime.now(UTC).replace(tzinfo=None)
    return DatabaseInfo(
        engine="mariadb" if is_mariadb else "mysql",
        version=tuple(connection.get_database_version()),
        isolation=str(level),
        charset=f"{connected}/{stored}",
        has_zones=converted is not None,
        waiting=waiting,
        skew=(here - now).total_seconds(),
    )


def judge(facts: DatabaseInfo) -> list[Finding]:
    """Return the findings about the database."""
    if facts.error:
        return [
            problem(
                "database",
                f"The database does not respond ({facts.error}).",
                "Check DATABASE_URL, and that the server runs and accepts connections from this machine.",
            )
        ]
    findings = [_version(facts), _migrations(facts)]
    return findings if facts.engine == "sqlite" else [*findings, *_settings(facts), _clock(facts)]


def _version(facts: DatabaseInfo) -> Finding:
    name = f"{facts.engine} {'.'.join(map(str, facts.version))}"
    minimum = MINIMUM.get(facts.engine, ())
    if facts.version < minimum:
        return problem(
            "database", f"{name} is too old.", f"Upgrade it to {'.'.join(map(str, minimum))} or later."
        )
    if facts.engine == "sqlite" and settings.SANSO_HTTPS:
        return warning(
            "database",
            f"{name} serves one machine only.",
            "Use MySQL or MariaDB in production (DATABASE_URL).",
        )
    return ok("database", f"{name} responds.")


def _migrations(facts: DatabaseInfo) -> Finding:
    if facts.waiting:
        return problem(
            "migrations",
            f"{len(facts.waiting)} migrations have not been applied, first {facts.waiting[0]}.",
            "Run manage.py migrate.",
        )
    return ok("migrations", "All migrations have been applied.")


def _settings(facts: DatabaseInfo) -> list[Finding]:
    findings = []
    if facts.isolation.upper() != "READ-COMMITTED":
        findings.append(
            problem(
                "isolation",
                f"Transactions have the isolation level {facts.isolation}.",
                "Remove isolation_level from DATABASE_URL: the portal sets READ COMMITTED itself.",
            )
        )
    else:
        findings.append(ok("isolation", "Transactions are READ COMMITTED."))
    if set(facts.charset.split("/")) != {"utf8mb4"}:
        findings.append(
            problem(
                "charset",
                f"The character sets of connection and database are {facts.charset}.",
                "Convert the database and its tables to utf8mb4 (ALTER DATABASE … CHARACTER SET utf8mb4).",
            )
        )
    else:
        findings.append(ok("charset", "The character set is utf8mb4."))
    if not facts.has_zones:
        findings.append(
            warning(
                "time zones",
                "The time zone tables of the database are empty.",
                "Load them: mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql",
            )
        )
    return findings


def _clock(facts: DatabaseInfo) -> Finding:
    if abs(facts.skew) > MAX_SKEW:
        return problem(
            "clock",
            f"This machine's clock and the database's differ by {abs(facts.skew):.1f} s.",
            "Synchronize the clocks of all machines (systemctl enable --now chrony).",
        )
    return ok("clock", f"The clock differs from the database's by {abs(facts.skew):.1f} s.")
