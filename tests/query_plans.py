"""The queries of a request, and the database's plans for them."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def queries_of(client: Client, url: str, **query: str) -> list[str]:
    """Return the SQL of a request that succeeds."""
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url, query).status_code == 200
    return [found["sql"] for found in seen.captured_queries]


def reading(queries: list[str], table: str) -> list[str]:
    """Return the queries with this table as the first in FROM."""
    quoted = connection.ops.quote_name(f"deployments_{table}")
    return [sql for sql in queries if f"FROM {quoted}" in sql.partition("WHERE")[0]]


def plan(sql: str) -> str:
    """Return the database's plan for a query."""
    with connection.cursor() as cursor:
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'mysql' else 'EXPLAIN QUERY PLAN'} {sql}")
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


def sorts(sql: str) -> bool:
    """Return whether the database sorts the rows of a query instead of reading them in order."""
    found = plan(sql).lower()
    return "filesort" in found or "temp b-tree" in found
