"""The choices that filter a list: links that change one parameter of the query and keep the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise

CURSOR = "after"
"""The query parameter with the position where the page begins; changing a filter resets it."""


MAX_SEARCH = 200
"""Maximum length of a search text, or of the value of a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChoice:
    """One choice. `url` is the query that it leads to; `count` is left out when None."""

    label: str
    url: str
    chosen: bool
    count: int | None = None
    value: str = ""


def query(given: QueryDict, **changes: str) -> str:
    """Return the query with some values changed; "" removes one. It always begins with a question mark."""
    changed = given.copy()
    for name, value in {CURSOR: "", **changes}.items():
        if value:
            changed[name] = value
        else:
            changed.pop(name, None)
    return f"?{changed.urlencode()}"


def filter_choices(
    given: QueryDict, name: str, choices: Iterable[tuple[str, str | Promise, int | None]]
) -> list[FilterChoice]:
    """Return a choice for each (value, label, count) of the query's `name`; the value "" means all."""
    now = given.get(name, "")
    return [
        FilterChoice(
            label=str(label), url=query(given, **{name: value}), chosen=value == now, count=count, value=value
        )
        for value, label, count in choices
    ]


def kept_values(given: QueryDict, *without: str) -> list[tuple[str, str]]:
    """Return the values of the query that the search form keeps: all except these and the position."""
    return [(name, str(value)) for name, value in given.items() if value and name not in (CURSOR, *without)]


def parse_number(text: str | None) -> int:
    """Return the number in a query; 0, which no row has, for anything else."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0
