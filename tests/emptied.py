"""Empty the database after a test with transactions: the tables that have rows, instead of all.

Django's test case empties each of about a hundred tables, then writes all content types and permissions anew.
Most tests write to a few tables, and nothing changes those two.
"""

from __future__ import annotations

from functools import cache

from django.db import connection, transaction
from django.test import TransactionTestCase

KEPT = {"auth_permission", "django_content_type"}
"""Rows that Django writes after migrations, the same in every run."""


def use() -> None:
    """Have every test with transactions empty the database this way."""
    TransactionTestCase._fixture_teardown = lambda self: empty()  # type: ignore[attr-defined,unused-ignore]


def empty() -> None:
    """Delete all rows of all models' tables but those that `KEPT` names."""
    quote = connection.ops.quote_name
    tables = _tables(str(connection.settings_dict["NAME"]))
    query = " UNION ALL ".join(
        f"SELECT * FROM (SELECT {number} FROM {quote(table)} LIMIT 1) AS t{number}"
        for number, table in enumerate(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        filled = [tables[number] for (number,) in cursor.fetchall()]
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        for table in filled:
            cursor.execute(f"DELETE FROM {quote(table)}")


@cache
def _tables(_database: str) -> list[str]:
    """Return the tables of all models in the database; they stay the same during a run."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(set(names) - KEPT)
