"""The comparison of two deployments, as rows with bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from deployments.deployment_pages.rules.comparison import ComparedPart, Comparison, Difference, Pair

_SIGNS = {
    Difference.SAME: "=",
    Difference.ONLY_FIRST: "−",
    Difference.ONLY_SECOND: "+",
    Difference.STATUS: "≠",
    Difference.SLOWER: "▲",
    Difference.FASTER: "▼",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """A stack or resource in both: `first` and `second` are widths of bars, in percent of the longest."""

    pair: Pair
    level: int
    name: str
    stack: str
    sign: str
    label: str
    first_width: float
    second_width: float

    @property
    def short_type(self) -> str:
        """Return the type without the prefix that all types share."""
        return self.pair.type.removeprefix("AWS::")


def rows_of(found: Comparison, *, only_changed: bool) -> dict[str, Any]:
    shown = [p for p in found.pairs if not only_changed or p.difference is not Difference.SAME]
    longest = max((s for p in found.pairs for s in _seconds(p)), default=0.0) or 1.0
    return {
        "rows": [_row(pair, longest) for pair in shown],
        "parameters": found.parameters,
        "divergence": _row(found.divergence, longest) if found.divergence else None,
        "counts": [
            (_SIGNS[kind], _label(kind), found.counts[kind]) for kind in Difference if found.counts[kind]
        ],
    }


def _seconds(pair: Pair) -> Iterable[float]:
    return [part.seconds for part in (pair.first, pair.second) if part and part.seconds is not None]


def _row(pair: Pair, longest: float) -> ComparedRow:
    stack, _slash, name = pair.path.rpartition("/")
    return ComparedRow(
        pair=pair,
        level=pair.path.count("/") + 2 if pair.path else 1,
        name=name or _("Root stack"),
        stack=stack,
        sign=_SIGNS[pair.difference],
        label=_label(pair.difference),
        first_width=_width(pair.first, longest),
        second_width=_width(pair.second, longest),
    )


def _width(part: ComparedPart | None, longest: float) -> float:
    return round(100 * part.seconds / longest, 1) if part and part.seconds else 0.0


def _label(difference: Difference) -> str:
    return {
        Difference.SAME: _("no difference"),
        Difference.ONLY_FIRST: _("only in the first"),
        Difference.ONLY_SECOND: _("only in the second"),
        Difference.STATUS: _("different result"),
        Difference.SLOWER: _("slower"),
        Difference.FASTER: _("faster"),
    }[difference]
