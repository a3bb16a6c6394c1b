"""Connections to the database that a worker's threads and the dispatcher keep between their steps.

Opening one takes more CPU time than the queries of most steps, and SQLite moves its log into the database,
which waits for the disk, whenever the last one is closed. Web processes close theirs after each request:
under ASGI, kept ones would leak, https://docs.djangoproject.com/en/5.2/ref/databases/#caveats
"""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

MAX_AGE = 60
"""Seconds after which a connection is replaced, so that it follows the server's name to another address."""


def keep_connections() -> None:
    """Let this process keep its connections. It calls `check_connections` before each step."""
    connections.settings[DEFAULT_DB_ALIAS] |= {"CONN_MAX_AGE": MAX_AGE, "CONN_HEALTH_CHECKS": True}


def check_connections() -> None:
    """Close this thread's connections that are old or have had an error, outside of transactions.

    Django would keep one that responds after an error, but its server may have become a read-only replica.
    Before the next query, Django checks those that stay, and replaces one that the server has closed.
    """
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close()
        connection.close_if_unusable_or_obsolete()
