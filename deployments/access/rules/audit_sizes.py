"""The limits of what an audit record stores, and the marks of what was cut.

Records are never changed, and a refused request needs no right: without limits anybody could fill the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_TEXT: Final = 1_000
"""Characters of one text."""
MAX_ITEMS: Final = 500
"""Entries of one list: as many as a request may name."""
MAX_KEY: Final = 100
MAX_REQUESTED: Final = 50_000
MAX_REFUSED: Final = 4_000
"""Characters of all texts of one column, in the record of an accepted or a refused request."""
_OTHER: Final = 8
"""What a number or an entry of a list counts for, besides its texts."""


def fitted(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters. One that was cut ends with an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def limited(value: Any, *, refused: bool) -> Any:
    """Return the value of a column with what fits. `… +12` stands for 12 characters or entries more."""
    return _cut(value, _Allowance(MAX_REFUSED if refused else MAX_REQUESTED))


@dataclass(slots=True)
class _Allowance:
    """How many characters still fit."""

    characters: int

    def take(self, wanted: int) -> int:
        """Return how many of the wanted characters fit, and subtract them."""
        taken = max(0, min(wanted, self.characters))
        self.characters -= taken
        return taken


def _cut(value: Any, allowance: _Allowance) -> Any:
    if isinstance(value, str):
        kept = allowance.take(min(len(value), MAX_TEXT))
        return value if kept == len(value) else f"{value[:kept]}{_more(len(value) - kept)}"
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for number, (key, one) in enumerate(value.items()):
            if number == MAX_ITEMS or not allowance.take(_OTHER):
                return found | {"…": f"+{len(value) - number}"}
            found[fitted(str(key), MAX_KEY)] = _cut(one, allowance)
        return found
    if isinstance(value, list | tuple | set | frozenset):
        items: list[Any] = []
        for number, one in enumerate(value):
            if number == MAX_ITEMS or not allowance.take(_OTHER):
                return [*items, _more(len(value) - number).strip()]
            items.append(_cut(one, allowance))
        return items
    allowance.take(_OTHER)
    return value


def _more(number: int) -> str:
    return f"… +{number}"
