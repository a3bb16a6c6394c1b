"""The list of saved times: a page of it, all of it, one more. How it is answered is in views.py.

Times travel as the text that MySQL sends. A row whose time is NULL or a zero date is not a saved time;
columns that datelog doesn't know are left alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import Final

from django.db import Error
from django.utils.functional import cached_property

from datelog import database, listing
from datelog.models import SavedTime
from datelog.mysql.driver import UNKNOWN_COLUMN, error_number
from datelog.position import Position
from datelog.together import Together

CHUNK: Final = 5_000  # rows in one query's answer: all that a request holds in memory

# MySQL's DATETIME begins here; NULL and zero dates compare below or not at all.
_IS_A_TIME: Final = "dt >= '1000-01-01'"
_SECONDS: Final = 19  # characters of a time without its fraction
_NO_END: Final = 2**63 - 1


@lru_cache(maxsize=64)
def _sql(text: str, **parts: str) -> str:
    """Fill in the table's name (letters, digits, $ and _: see configuration.py) and our own clauses."""
    return text.format(table=f"`{SavedTime._meta.db_table}`", is_a_time=_IS_A_TIME, **parts)


ANY_TIME: Final = _sql("SELECT dt FROM {table} LIMIT 1")
_FINGERPRINT: Final = _sql("SELECT COUNT(dt), COALESCE(SUM(CRC32(dt)), 0) FROM {table} WHERE {is_a_time}")
_SAVE: Final = _sql("INSERT INTO {table} (dt) VALUES ")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of the list, in order, and where it goes on; next is None at the end."""

    times: list[str]
    next: Position | None

    @cached_property
    def text(self) -> listing.Text:
        """The times as JSON, made once for all who share the page."""
        return listing.Text(listing.joined(self.times))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The list, or so much of it as is told at once, and where it goes on; next is None when it is all."""

    text: listing.Text
    next: Position | None


def page(limit: int, after: Position | None = None, *, newest_first: bool = False) -> Page:
    """Return up to limit times, from the start or after a position. Raises django.db.Error.

    Threads that ask for the same page at the same time share it: its list is not to be changed.
    """
    wanted = (limit, after, newest_first)
    return _pages(wanted, key=wanted)


def _read_page(wanted: list[tuple[int, Position | None, bool]]) -> Page:
    limit, after, newest_first = wanted[0]
    try:
        return _table().page(limit, after, newest_first)
    except Error as error:
        if error_number(error) != UNKNOWN_COLUMN:
            raise
        # The table was made anew with other columns since this process looked.
        _table.cache_clear()
        return _table().page(limit, after, newest_first)


def beginning() -> Beginning:
    """Return the list if it isn't long, else its beginning. Shared as a page is. Raises django.db.Error."""
    return _beginnings(None)


def _read_beginning(asked: list[None]) -> Beginning:
    texts: list[bytes] = []
    following: Position | None = None
    while not texts or (following is not None and len(texts) < _table().chunks_at_once):
        text, following = _read_text(following)
        texts.append(text)
    return Beginning(text=listing.Text(listing.together(texts)), next=following)


def _read_text(after: Position | None) -> tuple[bytes, Position | None]:
    """Read a chunk and keep no more of it than its text."""
    part = _read_page([(CHUNK, after, False)])
    return part.text.joined, part.next


def rest(after: Position) -> Iterator[bytes]:
    """Yield all times after a position, a chunk's text at a time. Raises django.db.Error, at any step."""
    return _table().rest(after)


def fingerprint() -> tuple[int, int]:
    """Return two numbers that change with the list: how many times, and a sum over each. One full scan."""
    ((count, total),) = database.read(_FINGERPRINT)
    return int(count), int(total)


def save(text: str) -> None:
    """Save a time. Raises django.db.Error; after a lost connection it may be saved all the same.

    Times that threads save at the same time are one statement, and one commit on the writer's disk.
    """
    _saves(text)


def _save_all(texts: list[str]) -> None:
    database.write(_SAVE + ", ".join(["(%s)"] * len(texts)), texts)


_pages: Final = Together(_read_page)
_beginnings: Final = Together(_read_beginning)
_saves: Final = Together(_save_all)


class _Keyed:
    """A table whose id is its primary key: each chunk is one short query over the index on (dt, id).

    Only the times are fetched. The id of the last row is asked for where a page goes on after it.
    """

    chunks_at_once = 2  # 10 000 rows and 300 KB of text, but the rows of one chunk at a time

    def page(self, limit: int, after: Position | None, newest_first: bool) -> Page:
        direction, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        order = f"ORDER BY dt {direction}, id {direction} LIMIT {limit + 1}"
        if after is None:
            rows = database.read(_sql("SELECT dt FROM {table} WHERE {is_a_time} {order}", order=order))
        else:
            # Two ranges of one index; (dt, id) > (a, b) would be a scan.
            beyond = f"dt {beyond} %s OR (dt = %s AND id {beyond} %s)"
            sql = _sql(
                "SELECT dt FROM {table} WHERE {is_a_time} AND ({beyond}) {order}", beyond=beyond, order=order
            )
            rows = database.read(sql, (after.time, after.time, after.tie))
        times = list(chain.from_iterable(rows[:limit]))
        last = self._position(times, after, newest_first) if len(rows) > limit else None
        return Page(times=_whole_seconds(times), next=last)

    def rest(self, after: Position) -> Iterator[bytes]:
        following: Position | None = after

        def text() -> bytes:
            nonlocal following
            part = page(CHUNK, following)
            following = part.next
            return part.text.joined

        while following is not None:
            yield text()  # kept in no name here: one chunk is in memory, not two

    @staticmethod
    def _position(times: list[str], after: Position | None, newest_first: bool) -> Position:
        """Return the place of the last of these times, which follow `after`.

        A row of the same time that is saved between the two queries is no fault: the rows look alike, and
        as many of them are told as there are.
        """
        start, end = (_NO_END, 0) if newest_first else (0, _NO_END)
        order = "id < %s ORDER BY id DESC" if newest_first else "id > %s ORDER BY id"
        time = times[-1]
        if after is not None and after.time == time:
            start = after.tie
        sql = _sql("SELECT id FROM {table} WHERE dt = %s AND {order} LIMIT 1 OFFSET %s", order=order)
        found = database.read(sql, (time, start, times.count(time) - 1))
        return Position(time, found[0][0] if found else end)


class _Unkeyed:
    """The original's table, one column and no key: rows of the same time are counted, not told apart."""

    chunks_at_once = 1  # each may be a sort of the whole table

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
        last = _counted(times, after) if len(rows) > limit else None
        return Page(times=_whole_seconds(times), next=last)

    def rest(self, after: Position) -> Iterator[bytes]:
        # One query, not one a chunk: without an index each would sort the whole table.
        sql = _sql("SELECT dt FROM {table} WHERE {is_a_time} AND dt >= %s ORDER BY dt LIMIT %s OFFSET %s")
        for rows in database.read_in_chunks(sql, (after.time, _NO_END, after.tie), CHUNK):
            yield listing.joined(_whole_seconds(list(chain.from_iterable(rows))))


@cache
def _table() -> _Keyed | _Unkeyed:
    columns = database.read(_sql("SHOW COLUMNS FROM {table}"))
    has_key = any(column[0].lower() == "id" and column[3] == "PRI" for column in columns)
    return _Keyed() if has_key else _Unkeyed()


def _whole_seconds(times: list[str]) -> list[str]:
    """Cut the fractions off, as the original does; a column has them in every row or in none."""
    return [text[:_SECONDS] for text in times] if times and len(times[0]) > _SECONDS else times


def _counted(times: list[str], after: Position | None) -> Position:
    last = times[-1]
    already = after.tie if after is not None and after.time == last else 0
    return Position(last, times.count(last) + already)
