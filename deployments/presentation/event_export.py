"""Events as rows of a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.models import Event
from deployments.models.event import EventValues
from deployments.presentation.text import event_texts

FIELDS = (
    "number",
    "time",
    "source",
    "stack",
    "logical_id",
    "type",
    "status",
    "reason",
    "physical_id",
    "message",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = tuple[int | str, ...]
"""An event's values in the order of `FIELDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A file format: the text before all rows, between two batches of them and after all of them."""

    content_type: str
    write: Callable[[Iterable[Row]], str]
    before: str
    between: str = ""
    after: str = ""


def row(event: EventValues) -> Row:
    """Return an event as a row of the file."""
    own = event.source == "portal"
    return (
        event.seq,
        utc(event.at),
        event.source,
        event.path or event.stack or "",
        event.logical_id,
        event.type,
        event.status,
        event.reason,
        event.physical_id,
        event_texts.event(Event(code=event.code, values=event.values)) if own else "",
    )


def utc(moment: datetime) -> str:
    """Return a time in ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def as_json(rows: Iterable[Row]) -> str:
    """Return rows as the inside of a JSON list, one per line."""
    return ",\n".join(json.dumps(dict(zip(FIELDS, one, strict=True)), ensure_ascii=False) for one in rows)


FORMATS = {
    "csv": ExportFormat(
        content_type="text/csv; charset=utf-8",
        write=as_csv,
        before=f"\ufeff{as_csv([FIELDS])}",  # spreadsheets recognize UTF-8 by this mark
    ),
    "json": ExportFormat(
        content_type="application/json", write=as_json, before="[\n", between=",\n", after="\n]\n"
    ),
}
