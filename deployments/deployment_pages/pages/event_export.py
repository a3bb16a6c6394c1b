"""Events as rows of a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.common.pages.csv_file import Row, as_csv
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event, EventValues

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
