"""Queries of the list of saved times: a page, all of it, one more. The responses are in views.py.

Times stay the strings that MySQL sends. A row whose time is NULL or a zero date is not a saved time; columns
that datelog does not know are ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Final

from django.db import Error
from django.utils.functional import cached_property

from datelog import database, listing
from datelog.coalescing import Coalescer
from datelog.models import SavedTime
from datelog.mysql.driver import UNKNOWN_COLUMN, error_number
from datelog.position import Position

CHUNK: Final = 5_000  # rows of one query: at most this many are in a request's memory

# The first DATETIME of MySQL; NULL and zero dates do not match.
_IS_A_TIME: Final = "dt >= '1000-01-01'"
_LENGTH: Final = 19  # characters of a time without its fraction
_MAX_ID: Final = 2**63 - 1


@lru_cache(maxsize=64)
def _sql(text: str, **parts: str) -> str:
    """Insert the table name (letters, digits, $ and _: see configuration.py) and constant clauses."""
    return text.format(table=f"`{SavedTime._meta.db_table}`", is_a_time=_IS_A_TIME, **parts)


ANY_TIME: Final = _sql("SELECT dt FROM {table} LIMIT 1")
_FINGERPRINT: Final = _sql("SELECT COUNT(dt), COALESCE(SUM(CRC32(dt)), 0) FROM {table} WHERE {is_a_time}")
_SAVE: Final = _sql("INSERT INTO {table} (dt) VALUES ")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Consecutive times of the list, and the position after them; `next` is None at the end."""

    times: list[str]
    next: Position | None

    @cached_property
    def content(self) -> listing.ListBody:
        """The times as JSON, computed once for all requests that share the page."""
        return listing.ListBody(listing.join_times(self.times))


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPart:
    """The list, or the beginning of a long one, and the position after it, None for the whole list."""

    content: listing.ListBody
    next: Position | None


def page(limit: int, after: Position | None = None, *, newest_first: bool = False) -> Page:
    """Return up to `limit` times, from the start or after a position. Raises django.db.Error.

    Concurrent requests of the same page share the result: do not modify it.
    """
    arguments = (limit, after, newest_first)
    return _pages(arguments, key=arguments)


def _read_page(calls: list[tuple[int, Position | None, bool]]) -> Page:
    limit, after, newest_first = calls[0]  # all are the same
    try:
        return _table().page(limit, after, newest_first)
    except Error as error:
        if error_number(error) != UNKNOWN_COLUMN:
            raise
        # The table was replaced by one with other columns after this process had read them.
        _table.cache_clear()
        return _table().page(limit, after, newest_first)


def first_part() -> FirstPart:
    """Return the list, or the beginning of a long one. Shared like a page. Raises django.db.Error."""
    return _first_parts(None)


def _read_first_part(_calls: list[None]) -> FirstPart:
    chunks: list[bytes] = []
    following: Position | None = None
    while not chunks or (following is not None and len(chunks) < _table().chunks_at_once):
        chunk, following = _read_chunk(following)
        chunks.append(chunk)
    return FirstPart(content=listing.ListBody(listing.join_chunks(chunks)), next=following)


def _read_chunk(after: Position | None) -> tuple[bytes, Position | None]:
    """Return the joined times of a chunk and the position after it; its rows are freed."""
    part = _read_page([(CHUNK, after, False)])
    return part.content.joined, part.next


def remaining(after: Position) -> Iterator[bytes]:
    """Yield the joined times after a position in chunks. Raises django.db.Error while it is consumed."""
    return _table().remaining(after)


def fingerprint() -> tuple[int, int]:
    """Return two numbers that change with the list: the number of times and a checksum. A full table scan."""
    ((count, total),) = database.read(_FINGERPRINT)
    return int(count), int(total)


def save(text: str) -> None:
    """Save a time. Raises django.db.Error; after a lost connection the time may be saved nevertheless.

    Concurrent calls share one statement, and so one commit on the writer's disk.
    """
    _saves(text)


def _save_all(texts: list[str]) -> None:
    database.write(_SAVE + ", ".join(["(%s)"] * len(texts)), texts)


_pages: Final = Coalescer(_read_page)
_first_parts: Final = Coalescer(_read_first_part)
_saves: Final = Coalescer(_save_all)


class _KeyedTable:
    """A table whose id is its primary key: each chunk is one short query over the index on (dt, id).

    Only times are fetched; a second query fetches the id of the last row if the list continues after it.
    """

    chunks_at_once = 2  # 10,000 rows and 300 KB of text, but only the rows of one chunk at a time

    def page(self, limit: int, after: Position | None, newest_first: bool) -> Page:
        direction, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        order = f"ORDER BY dt {direction}, id {direction} LIMIT {limit + 1}"
        if after is None:
            rows = database.read(_sql("SELECT dt FROM {table} WHERE {is_a_time} {order}", order=order))
        else:
            # Two ranges of one index; (dt, id) > (a, b) would be a full scan.
            beyond = f"dt {beyond} %s OR (dt = %s AND id {beyond} %s)"
            sql = _sql(
                "SELECT dt FROM {table} WHERE {is_a_time} AND ({beyond}) {order}", beyond=beyond, order=order
            )
            rows = database.read(sql, (after.time, after.time, after.tie))
        times = list(chain.from_iterable(rows[:limit]))
        last = self._position(times, after, newest_first) if len(rows) > limit else None
        return Page(times=_whole_seconds(times), next=last)

    def remaining(self, after: Position) -> Iterator[bytes]:
        following: Position | None = after

        def chunk() -> bytes:
            nonlocal following
            part = page(CHUNK, following)
            following = part.next
            return part.content.joined

        while following is not None:
            yield chunk()  # not kept in a variable: one chunk is in memory, not two

    @staticmethod
    def _position(times: list[str], after: Position | None, newest_first: bool) -> Position:
        """Return the position of the last of these times, which follow `after`.

        A row of the same time that is saved between the two queries does no harm: the rows are
        indistinguishable, and the list contains as many of them as there are.
        """
        start, end = (_MAX_ID, 0) if newest_first else (0, _MAX_ID)
        order = "id < %s ORDER BY id DESC" if newest_first else "id > %s ORDER BY id"
        time = times[-1]
        if after is not None and after.time == time:
            start = after.tie
        sql = _sql("SELECT id FROM {table} WHERE dt = %s AND {order} LIMIT 1 OFFSET %s", order=order)
        found = database.read(sql, (time, start, times.count(time) - 1))
        return Position(time, found[0][0] if found else end)


class _UnkeyedTable:
    """The original's table, one column without a key: positions count the rows of the same time."""

    chunks_at_once = 1  # each query may sort the whole table

    def page(self, limit: int, after: Position | None, newest_first: bool) -> Page:
        direction, beyond = ("DESC", "<=") if newest_first else ("ASC", ">=")
        order = f"ORDER BY dt {direction} LIMIT {limit + 1}"
        if after is None:
            rows = database.read(_sql("SELECT dt FROM {table} WHERE {is_a_time} {order}", order=order))
        else:
            sql = _sql(
                "SELECT dt FROM {table} WHERE {is_a_time} AND dt {beyond} %s {order} OFFSET %s",
                beyond=beyond,
                order=order,
            )
            rows = database.read(sql, (after.time, after.tie))
        times = list(chain.from_iterable(rows[:limit]))
        last = _position_by_count(times, after) if len(rows) > limit else None
        return Page(times=_whole_seconds(times), next=last)

    def remaining(self, after: Position) -> Iterator[bytes]:
        # One query for all chunks: without an index each query sorts the whole table.
        sql = _sql("SELECT dt FROM {table} WHERE {is_a_time} AND dt >= %s ORDER BY dt LIMIT %s OFFSET %s")
        for rows in database.read_in_chunks(sql, (after.time, _MAX_ID, after.tie), CHUNK):
            yield listing.join_times(_whole_seconds(list(chain.from_iterable(rows))))


@cache
def _table() -> _KeyedTable | _UnkeyedTable:
    columns = database.read(_sql("SHOW COLUMNS FROM {table}"))
    has_key = any(column[0].lower() == "id" and column[3] == "PRI" for column in columns)
    return _KeyedTable() if has_key else _UnkeyedTable()


def _whole_seconds(times: list[str]) -> list[str]:
    """Remove fractions of a second, as the original does; a column has them in every row or in none."""
    return [text[:_LENGTH] for text in times] if times and len(times[0]) > _LENGTH else times


def _position_by_count(times: list[str], after: Position | None) -> Position:
    last = times[-1]
    already = after.tie if after is not None and after.time == last else 0
    return Position(last, times.count(last) + already)
