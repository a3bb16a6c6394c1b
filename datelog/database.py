"""Statements on this thread's kept connections to the two endpoints. The SQL is in saved_times.py.

Each statement stands alone (autocommit): no error can leave a transaction open. All functions raise
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
from datelog.mysql.driver import UnbufferedCursor, says_connection_gone, says_read_only

log = logging.getLogger(__name__)

Row = tuple[Any, ...]

_AGAIN_WITHIN: Final = 1.0  # seconds; a read that failed faster than this is made once more


def read(sql: str, params: Sequence[object] = ()) -> Sequence[Row]:
    """Return a query's rows from the reader; on a new connection if the kept one turns out to be dead."""
    connection = _kept.reader
    was_kept = connection.connection is not None
    began = time.monotonic()
    try:
        return _run(connection, sql, params)
    except Error as error:
        if not says_connection_gone(error):
            raise
        connection.close()
        if not was_kept or time.monotonic() - began > _AGAIN_WITHIN:
            raise
    return _run(connection, sql, params)


def read_in_chunks(sql: str, params: Sequence[object], size: int) -> Iterator[Sequence[Row]]:
    """Yield a query's rows as the reader finds them, without holding them all.

    Until the last chunk is taken the connection is busy and the table's metadata lock held.
    """
    connection = _kept.reader
    connection.make_usable()
    with connection.wrap_database_errors:
        try:
            cursor = connection.connection.cursor(UnbufferedCursor)
            cursor.execute(sql, params)
            while rows := cursor.fetchmany(size):
                yield rows
            cursor.close()
        except BaseException:  # GeneratorExit too: the client has gone
            connection.close()  # closing the cursor would read on what nobody wants
            raise


def write(sql: str, params: Sequence[object]) -> None:
    """Run a statement at the writer. After a lost connection it isn't known whether it was carried out."""
    connection = _kept.writer
    try:
        _run(connection, sql, params)
    except Error as error:
        if says_connection_gone(error) or says_read_only(error):
            connection.close()
        if not says_read_only(error):
            raise
        # This server is the writer no more. It surely has not written; the endpoint may lead to the new one.
        log.warning("The writer refused to write: connecting to its endpoint anew.")
        _run(connection, sql, params)


class _Kept(threading.local):
    """Finding a connection by its alias costs more than checking it; each thread does so once."""

    def __init__(self) -> None:
        self.reader = cast("DatabaseWrapper", connections[router.db_for_read(SavedTime)])
        self.writer = cast("DatabaseWrapper", connections[router.db_for_write(SavedTime)])


_kept = _Kept()


def _run(connection: DatabaseWrapper, sql: str, params: Sequence[object]) -> Sequence[Row]:
    connection.make_usable()
    with connection.wrap_database_errors:
        cursor = connection.connection.cursor()
        cursor.execute(sql, params or None)
        rows: Sequence[Row] = cursor.fetchall()
        return rows
