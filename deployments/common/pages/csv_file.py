"""Rows of a CSV file for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[int | str, ...]
"""An event's values in the order of `FIELDS`."""


def as_csv(rows: Iterable[Row]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([_safe(value) for value in one] for one in rows)
    return text.getvalue()


def _safe(value: str | int) -> str | int:
    """Return a cell that no spreadsheet interprets as a formula: a reason may contain a stranger's text.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
