"""`migrate` that is killed in the middle is run again: what it has done stays, and the rest follows.

MariaDB commits each change of a table at once, SQLite the whole migration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoDbBlocker

from tests.upgrade import load

pytestmark = pytest.mark.timeout(900)
BASE = "0001_squashed_0046_deployments_by_end"
APPLIED = ("INSERT INTO `django_migrations`", 'INSERT INTO "django_migrations"')
COMMITS = ("ALTER ", "CREATE ", *APPLIED)
"""How the statements begin that MariaDB commits at once: of tables, and of migrations that are applied."""
Schema = dict[str, tuple[set[str], list[tuple[Any, ...]]]]


class Killed(Exception):
    """The process ends here."""


def kill_after(count: int, done: list[str]) -> Callable[..., Any]:
    """Return a wrapper of statements that appends those of COMMITS, and raises Killed after some."""

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = run(sql, params, many, context)
        if sql.startswith(COMMITS):
            done.append(sql)
            if len(done) == count:
                raise Killed
        return result

    return execute


def interruptions() -> Iterator[str]:
    """Upgrade the database, killed after each statement that MariaDB commits; yield these statements.

    On MariaDB the next run goes on after the statement; where it begins with it again (a table is created
    again, and everything is rolled back on SQLite), it gets one statement further.
    """
    count = 1
    killed_after = set()
    while True:
        done: list[str] = []
        try:
            with connection.execute_wrapper(kill_after(count, done)):
                call_command("migrate", "deployments", verbosity=0)
        except (Killed, TransactionManagementError):  # SQLite checks its constraints at the end as well
            connection.in_atomic_block = False  # Django leaves it set, if the last statements fail
            connection.close()
            yield done[-1]
            if connection.features.can_rollback_ddl or done[-1] in killed_after:
                count += 1
            elif done[-1].startswith(APPLIED):
                count = 1
            killed_after.add(done[-1])
        else:
            return


def schema() -> Schema:
    """Return columns and constraints of each table of deployments."""
    with connection.cursor() as cursor:
        read = connection.introspection
        found = [name for name in read.table_names(cursor) if name.startswith("deployments_")]
        return {
            name: (
                {repr(column[:6]) for column in read.get_table_description(cursor, name)},
                sorted(
                    (key, *map(str, (one["columns"], one["unique"], one["foreign_key"], one["index"])))
                    for key, one in read.get_constraints(cursor, name).items()
                ),
            )
            for name in found
        }


@pytest.fixture
def schema_of_one_run(database_server: None, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Schema:
    """The schema after migrations that nothing interrupted."""
    with django_db_blocker.unblock(), load.fresh_database("upgraded_at_once", tmp_path):
        load.upgrade()
        return schema()


def test_an_upgrade_goes_on_wherever_it_was_killed(schema_of_one_run: Schema, empty_database: None) -> None:
    call_command("migrate", "deployments", BASE, verbosity=0)

    killed = list(interruptions())

    assert [sql for sql in killed if "mapped_key" in sql and sql.startswith("CREATE INDEX")]
    assert [sql for sql in killed if "missing_path" in sql]
    assert len(killed) > 15
    load.upgrade()
    assert schema() == schema_of_one_run
    call_command("migrate", check_unapplied=True, verbosity=0)
