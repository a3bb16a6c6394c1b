"""SQL statements on the current thread's connections to the two endpoints. The SQL is in saved_times.py.

Every statement is its own transaction (autocommit), so no error leaves one open. All functions raise
django.db.Error.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from django.db import Error, connections, router

from datelog.models import SavedTime
from datelog.mysql.base import DatabaseWrapper
from datelog.mysql.driver import UnbufferedCursor, is_connection_lost, is_read_only_error, is_refusal

log = logging.getLogger(__name__)

Row = tuple[Any, ...]

_RETRY_WITHIN: Final = 1.0  # seconds; a read that fails faster than this is retried once


def read(sql: str, params: Sequence[object] = ()) -> Sequence[Row]:
    """Return the rows of a query at the reader. Retries on a new connection when an existing one is lost."""
    connection = _connections.reader
    was_open = connection.connection is not None
    began = time.monotonic()
    try:
        return _run(connection, sql, params)
    except Error as error:
        if not is_connection_lost(error):
            raise
        connection.close()
        if not was_open or time.monotonic() - began > _RETRY_WITHIN:
            raise
    return _run(connection, sql, params)


def read_in_chunks(sql: str, params: Sequence[object], size: int) -> Iterator[Sequence[Row]]:
    """Yield the rows of a query at the reader in chunks of `size`, without all of them in memory.

    Until the last chunk is consumed, the connection is busy and the table's metadata lock is held.
    """
    connection = _connections.reader
    connection.make_usable()
    with connection.wrap_database_errors:
        try:
            cursor = connection.connection.cursor(UnbufferedCursor)
            cursor.execute(sql, params)
            while rows := cursor.fetchmany(size):
                yield rows
            cursor.close()
        except BaseException:  # GeneratorExit, too: the client has disconnected
            connection.close()  # closing only the cursor would fetch the remaining rows
            raise


def write(sql: str, params: Sequence[object]) -> None:
    """Run a statement at the writer. After a lost connection it is unknown whether it took effect."""
    connection = _connections.writer
    try:
        _run(connection, sql, params)
    except Error as error:
        if is_connection_lost(error) or is_read_only_error(error):
            connection.close()
        if not is_read_only_error(error):
            raise
        # After a failover this server is not the writer any more. It has written nothing, so a retry is safe.
        log.warning("The writer is read-only: reconnecting to its endpoint.")
        _run(connection, sql, params)


class _Connections(threading.local):
    """The thread's connections. Looking one up costs more than a health check: each thread does it once."""

    def __init__(self) -> None:
        self.reader = cast("DatabaseWrapper", connections[router.db_for_read(SavedTime)])
        self.writer = cast("DatabaseWrapper", connections[router.db_for_write(SavedTime)])


_connections = _Connections()


def _run(connection: DatabaseWrapper, sql: str, params: Sequence[object]) -> Sequence[Row]:
    """Run a statement; if the database refuses it, which changes nothing, at the other one."""
    try:
        return _run_once(connection, sql, params)
    except Error as error:
        if not is_refusal(error) or not connection.use_other_database():
            raise
    return _run_once(connection, sql, params)


def _run_once(connection: DatabaseWrapper, sql: str, params: Sequence[object]) -> Sequence[Row]:
    connection.make_usable()
    with connection.wrap_database_errors:
        cursor = connection.connection.cursor()
        cursor.execute(sql, params or None)
        rows: Sequence[Row] = cursor.fetchall()
        return rows
