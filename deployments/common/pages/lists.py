"""The declaration of a list: its search, filters and orders, all in its address; and its pages by key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db.models import F, Model, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _

from deployments.common.pages.choices import (
    CURSOR,
    MAX_SEARCH,
    FilterChoice,
    filter_choices,
    kept_values,
    parse_number,
    query,
)

Row = TypeVar("Row", bound=Model)
PAGE: Final = 50
"""Number of rows on a page of a list."""
Choices = Sequence[tuple[str, str | Promise, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """A parameter of the address with its choices; the first one stands for the list without the filter.

    `hides`: the other choices hide rows; those of an order, or of “Include deleted”, do not. It is not shown
    with fewer than `least` choices besides the first, unless one of them is chosen.
    """

    name: str
    label: str
    choices: Sequence[FilterChoice]
    hides: bool = True
    least: int = 1

    @property
    def chosen(self) -> FilterChoice | None:
        """Return the choice in the address; None for the first one."""
        return next((one for one in self.choices[1:] if one.chosen), None)

    @property
    def is_shown(self) -> bool:
        """Return whether there is anything to choose."""
        return len(self.choices) > self.least or self.chosen is not None

    @property
    def summary(self) -> str:
        """Return the text of its menu: its name, or what is chosen of one that hides nothing."""
        return self.label if self.hides else (self.chosen or self.choices[0]).label


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFilter:
    """A set filter that hides rows, and the address of the list without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListControls:
    """The controls above a list: a search, whose field is named `searched`, and filters."""

    given: QueryDict
    searched: str
    filters: Sequence[ListFilter] = field(default=())

    @property
    def menus(self) -> list[ListFilter]:
        """Return the filters with anything to choose."""
        return [one for one in self.filters if one.is_shown]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Return the values that the search form keeps besides its own."""
        return kept_values(self.given, "q")

    @property
    def hiding(self) -> list[SetFilter]:
        """Return the filters of the address that hide rows, the search first."""
        found = []
        if self.given.get("q"):
            text = str(self.given["q"])[:MAX_SEARCH]
            found.append(SetFilter(label=_("Search"), value=text, url=query(self.given, q="")))
        for one in self.filters:
            if one.hides and self.given.get(one.name):
                value = one.chosen.label if one.chosen else str(self.given[one.name])[:MAX_SEARCH]
                url = query(self.given, **{one.name: ""})
                found.append(SetFilter(label=one.label, value=value, url=url))
        return found


def list_filter(given: QueryDict, name: str, label: str, choices: Choices, **options: Any) -> ListFilter:
    """Return a filter with the (value, label, count) of each choice."""
    return ListFilter(name=name, label=label, choices=filter_choices(given, name, choices), **options)


def value_filter(
    given: QueryDict, name: str, label: str, everything: str, values: Iterable[str]
) -> ListFilter:
    """Return a filter whose choices are values; the one in the address is added if it is not among them."""
    found = list(dict.fromkeys([*values, *filter(None, [given.get(name, "")[:MAX_SEARCH]])]))
    return list_filter(given, name, label, [("", everything, None), *((one, one, None) for one in found)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrder:
    """An order of a list: by a column, with newest rows first for equal values; without one, by age."""

    label: str | Promise
    column: str = ""
    read: Callable[[str], Any] = str
    is_oldest_first: bool = False


Orders = Mapping[str, ListOrder]
"""The orders of a list by the value of `sort`; "" is the first one."""


def order_filter(given: QueryDict, orders: Mapping[str, ListOrder | str | Promise]) -> ListFilter:
    """Return the choices of the order."""
    labels = {name: one.label if isinstance(one, ListOrder) else one for name, one in orders.items()}
    choices = [(name, label, None) for name, label in labels.items()]
    return list_filter(given, "sort", _("Order"), choices, hides=False)


def read_moment(text: str) -> datetime:
    """Return the time in a position of an order by time. Raise ValueError if it is not valid."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 2000 <= moment.year < 3000:
        raise ValueError(text)
    return moment


def page_in_order(
    rows: QuerySet[Row], orders: Orders, given: QueryDict, size: int = PAGE
) -> tuple[list[Row], str]:
    """Return the page of rows for an address, and the query of the next page ("" on the last).

    For an order by a column, the keys of the page are queried first, so that the database sorts only keys.
    """
    order = orders.get(given.get("sort", ""), orders[""])
    first, _dash, rest = str(given.get(CURSOR, "")).partition("-")
    pk = parse_number(first)
    if not order.column:
        found = _by_age(rows, order, pk)[: size + 1]
        return _with_next(list(found), given, size, lambda row: str(row.pk))
    keyed = rows.order_by().annotate(sort_value=_never_null(order))
    if pk and (value := _read(order, rest)) is not None:
        keyed = keyed.filter(Q(sort_value__gt=value) | Q(sort_value=value, pk__lt=pk))
    keys = dict(keyed.order_by("sort_value", "-pk").values_list("pk", "sort_value")[: size + 1])
    by_key = {row.pk: row for row in rows.order_by().filter(pk__in=list(keys))}
    return _with_next(
        [by_key[key] for key in keys if key in by_key],
        given,
        size,
        lambda row: f"{row.pk}-{_written(keys[row.pk])}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """A filter that a list declares: its choices after the first, `everything`, and the rows that each keeps.

    `keep` takes the rows and the value in the address, "" for the first choice.
    """

    name: str
    label: str | Promise
    everything: str | Promise
    choices: Sequence[tuple[str, str | Promise]]
    keep: Callable[[Any, str], Any]
    hides: bool = True

    def in_address(self, given: QueryDict) -> ListFilter:
        """Return the filter of an address."""
        choices = [("", self.everything, None), *((value, label, None) for value, label in self.choices)]
        return list_filter(given, self.name, str(self.label), choices, hides=self.hides)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeclaration:
    """A list: what its search finds, its orders and its filters. A `caption` has the label of the order."""

    searched: str | Promise
    search: Callable[[Any, str], Any]
    orders: Orders
    narrowings: Sequence[Narrowing] = ()
    caption: str | Promise = ""

    def context(
        self, rows: QuerySet[Any], given: QueryDict, others: Callable[[], Sequence[ListFilter]] = list
    ) -> dict[str, Any]:
        """Return the context of the page of rows for an address, with its controls.

        `others` are filters whose choices depend on the person; their rows have been kept already.
        """
        for one in self.narrowings:
            rows = one.keep(rows, str(given.get(one.name, ""))[:MAX_SEARCH])
        text = str(given.get("q", "")).strip()[:MAX_SEARCH]
        found, more = page_in_order(self.search(rows, text) if text else rows, self.orders, given, PAGE)
        order = self.orders.get(str(given.get("sort", "")), self.orders[""])
        return {
            "rows": found,
            "more": more,
            "given": given,
            "caption": str(self.caption) % {"order": order.label},
            "controls": SimpleLazyObject(lambda: self._controls(given, others)),
        }

    def _controls(self, given: QueryDict, others: Callable[[], Sequence[ListFilter]]) -> ListControls:
        filters = [one.in_address(given) for one in self.narrowings]
        filters += [*others(), order_filter(given, self.orders)]
        return ListControls(given=given, searched=str(self.searched), filters=filters)


def _by_age(rows: QuerySet[Row], order: ListOrder, after: int) -> QuerySet[Row]:
    if order.is_oldest_first:
        return rows.order_by("pk").filter(pk__gt=after) if after else rows.order_by("pk")
    return rows.order_by("-pk").filter(pk__lt=after) if after else rows.order_by("-pk")


def _never_null(order: ListOrder) -> Any:
    return Coalesce(F(order.column), Value("")) if order.read is str else F(order.column)


def _read(order: ListOrder, text: str) -> Any:
    try:
        return order.read(text)
    except ValueError:
        return None


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _with_next(
    found: list[Row], given: QueryDict, size: int, position: Callable[[Row], str]
) -> tuple[list[Row], str]:
    if len(found) <= size:
        return found, ""
    return found[:size], query(given, after=position(found[size - 1]))
