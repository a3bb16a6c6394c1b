"""The declaration of a list: its search, filters and orders, all in its address; who reads it reads this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _

from deployments.common.pages.choices import MAX_SEARCH, FilterChoice, filter_choices, kept_values, query
from deployments.common.pages.list_orders import PAGE, Orders, Sorting

Choices = Iterable[tuple[str, str | Promise]]
"""The value in the address and the label of each choice."""


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
    """The controls above a list: a search, whose field is named `searched`, and filters.

    `has_days`: the first and the last day are entered, as `since` and `until` of the address.
    """

    given: QueryDict
    searched: str
    filters: Sequence[ListFilter] = field(default=())
    has_days: bool = False

    @property
    def menus(self) -> list[ListFilter]:
        """Return the filters with anything to choose."""
        return [one for one in self.filters if one.is_shown]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Return the values that the search form keeps besides its own."""
        return kept_values(self.given, "q")

    @property
    def kept_by_days(self) -> list[tuple[str, str]]:
        """Return the values that the form of days keeps besides its own."""
        return kept_values(self.given, "since", "until")

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """A filter that a list declares: its choices after the first, `everything`, and the rows that each keeps.

    `keep` takes the rows and the value in the address. Without a value all rows are kept, or those of
    `default`. `choices` may depend on the person who reads the list, and on the value; without any, links
    set the filter. `count` returns the number of rows of each choice, the first one as "".
    """

    name: str
    label: str | Promise
    keep: Callable[[Any, str], Any]
    default: Callable[[Any], Any] | None = None
    everything: str | Promise = ""
    choices: Choices | Callable[[Any, str], Choices] = ()
    count: Callable[[Any], Mapping[str, int]] | None = None
    hides: bool = True
    least: int = 1

    def kept(self, rows: Any, given: Mapping[str, Any]) -> Any:
        """Keep the rows that match an address."""
        if value := value_of(given, self.name):
            return self.keep(rows, value)
        return self.default(rows) if self.default else rows

    def in_address(self, given: QueryDict, user: Any, counts: Mapping[str, int]) -> ListFilter:
        """Return the filter of an address with the choices of a person."""
        offered = self.choices(user, value_of(given, self.name)) if callable(self.choices) else self.choices
        labels = [("", self.everything), *offered]
        return ListFilter(
            name=self.name,
            label=str(self.label),
            choices=filter_choices(given, self.name, [(*one, counts.get(one[0])) for one in labels]),
            hides=self.hides,
            least=self.least,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeclaration:
    """A list: what its search finds, its orders and its filters. A `caption` has the label of the order."""

    searched: str | Promise
    search: Callable[[Any, str], Any]
    orders: Orders
    narrowings: Sequence[Narrowing] = ()
    caption: str | Promise = ""
    has_days: bool = False

    def kept(self, rows: Any, given: Mapping[str, Any], *, without: Narrowing | None = None) -> Any:
        """Keep the rows that the search and the filters of an address, or of other values, find."""
        for one in self.narrowings:
            rows = rows if one is without else one.kept(rows, given)
        text = value_of(given, "q")
        return self.search(rows, text) if text else rows

    def values(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the search and the filters that an address has."""
        names = [*(one.name for one in self.narrowings), "q"]
        return {name: value for name in names if (value := value_of(given, name))}

    def context(self, rows: QuerySet[Any], given: QueryDict, user: Any = None) -> dict[str, Any]:
        """Return the context of the page of rows for an address, with its controls for a person.

        `counts` are those of the filter that counts: of the rows that all others keep.
        """
        counted = next((one for one in self.narrowings if one.count), None)
        rows = self.kept(rows, given, without=counted)
        counts: Mapping[str, int] = {}
        if counted and counted.count:
            rows, counts = counted.kept(rows, given), counted.count(rows)
        sorting = Sorting(given=given, orders=self.orders)
        found, more = sorting.page(rows, PAGE)
        return {
            "rows": found,
            "more": more,
            "given": given,
            "counts": counts,
            "sorting": sorting,
            "caption": str(self.caption) % {"order": sorting.label},
            "controls": SimpleLazyObject(lambda: self._controls(sorting, user, counts)),
        }

    def _controls(self, sorting: Sorting, user: Any, counts: Mapping[str, int]) -> ListControls:
        given = sorting.given
        filters = [one.in_address(given, user, counts if one.count else {}) for one in self.narrowings]
        choices = filter_choices(given, "sort", sorting.choices)
        filters.append(ListFilter(name="sort", label=_("Order"), choices=choices, hides=False))
        return ListControls(given=given, searched=str(self.searched), filters=filters, has_days=self.has_days)


def value_of(given: Mapping[str, Any], name: str) -> str:
    """Return a value of an address; "" without one."""
    return str(given.get(name) or "").strip()[:MAX_SEARCH]
