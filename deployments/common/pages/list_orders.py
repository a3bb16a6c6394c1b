"""The orders of a list, and its pages by key: in no order is a page longer to read than the first one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple, TypeVar

from django.db.models import F, Model, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.common.pages.choices import CURSOR, parse_number, query
from deployments.common.pages.icons import icon

Row = TypeVar("Row", bound=Model)
PAGE: Final = 50
"""Number of rows on a page of a list."""
REVERSED: Final = "-"
"""What the value of `sort` begins with for an order in reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrder:
    """An order of a list: by a column, with newest rows first for equal values; without one, newest first.

    Equal values of the column are ordered by `then` before, a column whose largest numbers come first.
    """

    label: str | Promise
    column: str = ""
    then: str = ""
    read: Callable[[str], Any] = str
    is_reversed: bool = False


Orders = Mapping[str, ListOrder]
"""The orders of a list by the value of `sort`; "" is the first one."""


class _Key(NamedTuple):
    name: str
    is_descending: bool

    @property
    def ordering(self) -> str:
        return f"-{self.name}" if self.is_descending else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """The order of a list in an address, and the links in the heads of columns that change it."""

    given: QueryDict
    orders: Orders

    @property
    def name(self) -> str:
        """Return the name of the order; "" for an unknown one."""
        name = str(self.given.get("sort", "")).removeprefix(REVERSED)
        return name if name in self.orders else ""

    @property
    def order(self) -> ListOrder:
        """Return the order."""
        return self.orders[self.name]

    @property
    def in_reverse(self) -> bool:
        """Return whether the address has the order in reverse."""
        return str(self.given.get("sort", "")) == REVERSED + self.name

    @property
    def label(self) -> str:
        """Return the text of the order."""
        label = str(self.order.label)
        return _("%(order)s (reversed)") % {"order": label} if self.in_reverse else label

    @property
    def choices(self) -> list[tuple[str, str | Promise, int | None]]:
        """Return the value, the label and no count of each order, and of the one in reverse."""
        found: list[tuple[str, str | Promise, int | None]]
        found = [(name, order.label, None) for name, order in self.orders.items()]
        return [*found, (REVERSED + self.name, self.label, None)] if self.in_reverse else found

    @property
    def keys(self) -> list[_Key]:
        """Return by what rows are sorted, the row's key last."""
        flipped = self.in_reverse != self.order.is_reversed
        keys = [_Key("sort_value", flipped)] if self.order.column else []
        keys += [_Key("sort_then", not flipped)] if self.order.then else []
        return [*keys, _Key("pk", not flipped)]

    def head(self, name: str, label: str) -> SafeString:
        """Return the head of a column: a link to its order, or to the reverse of it if rows have it."""
        is_own = name == self.name
        wanted = REVERSED + name if is_own and not self.in_reverse else name
        direction = "descending" if self.keys[0].is_descending else "ascending"
        return format_html(
            '<th scope="col" class="sorts"{}><a id="sort-{}" href="{}">{}{}</a></th>',
            format_html(' aria-sort="{}"', direction) if is_own else "",
            name or "first",
            query(self.given, sort=wanted),
            label,
            icon("up") if is_own else icon("sort"),
        )

    def page(self, rows: QuerySet[Row], size: int) -> tuple[list[Row], str]:
        """Return the page of rows for the address, and the query of the next page ("" on the last).

        For an order by a column, the keys of the page are queried first, so that only keys are sorted.
        """
        keyed = rows.order_by().annotate(**self._values())
        if position := self._position():
            keyed = keyed.filter(_after(self.keys, position))
        keyed = keyed.order_by(*(key.ordering for key in self.keys))
        if not self.order.column:
            by_age = list(keyed[: size + 1])
            return by_age[:size], self._next([by_age[size - 1].pk]) if len(by_age) > size else ""
        names = [key.name for key in reversed(self.keys)]
        found = list(keyed.values_list(*names)[: size + 1])
        by_key = {row.pk: row for row in rows.order_by().filter(pk__in=[pk for pk, *_rest in found[:size]])}
        page = [by_key[pk] for pk, *_rest in found[:size] if pk in by_key]
        return page, self._next(found[size - 1]) if len(found) > size else ""

    def _values(self) -> dict[str, Any]:
        order = self.order
        value = Coalesce(F(order.column), Value("")) if order.read is str else F(order.column)
        values = {"sort_value": value} if order.column else {}
        return values | ({"sort_then": Coalesce(F(order.then), Value(0))} if order.then else {})

    def _position(self) -> list[Any]:
        """Return the values of `keys` in the last row of the page before; [] on the first page."""
        count = len(self.keys)
        texts = str(self.given.get(CURSOR, "")).split("-", max(count - 1, 1))[:count]
        if len(texts) < count or not parse_number(texts[0]):
            return []
        try:
            values = [self.order.read(texts.pop())] if self.order.column else []
        except ValueError:
            return []
        return [*values, *map(parse_number, reversed(texts))]

    def _next(self, values: Sequence[Any]) -> str:
        return query(self.given, after="-".join(map(_written, values)))


def read_moment(text: str) -> datetime:
    """Return the time in a position of an order by time. Raise ValueError if it is not valid."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2000 <= moment.year < 3000:
        raise ValueError(text)
    return moment


def _after(keys: Sequence[_Key], values: Sequence[Any]) -> Q:
    """Return the condition of the rows after one with these values."""
    found, same = [], Q()
    for key, value in zip(keys, values, strict=True):
        found.append(same & Q((f"{key.name}__{'lt' if key.is_descending else 'gt'}", value)))
        same &= Q((key.name, value))
    return reduce(or_, found)


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
