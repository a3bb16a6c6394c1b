"""The chips that narrow a list: each is a link that changes one thing of the query and keeps the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise

PLACE = "after"
"""Where in a list the page begins; a changed filter begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One choice. `url` is the query that it leads to; `count` is left out when None."""

    label: str
    url: str
    chosen: bool
    count: int | None = None


def query(given: QueryDict, **changes: str) -> str:
    """Return the query with some values changed; "" takes one out. Always begins with a question mark."""
    changed = given.copy()
    for name, value in {PLACE: "", **changes}.items():
        if value:
            changed[name] = value
        else:
            changed.pop(name, None)
    return f"?{changed.urlencode()}"


def chips(
    given: QueryDict, name: str, choices: Iterable[tuple[str, str | Promise, int | None]]
) -> list[Chip]:
    """Return a chip for each (value, label, count) of the query's `name`; the value "" stands for all."""
    now = given.get(name, "")
    return [
        Chip(label=str(label), url=query(given, **{name: value}), chosen=value == now, count=count)
        for value, label, count in choices
    ]


def number(text: str | None) -> int:
    """Return a key that a query names; 0, which no row has, for anything that cannot be one."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0
