"""A deployment's events as a file: CSV for spreadsheets, JSON for programs, streamed a batch at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.live import reads
from deployments.models import Deployment, Event
from deployments.models.event import EventQuerySet, Plain
from deployments.views import wording
from deployments.views.drawn import Reader
from deployments.views.event_filter import EventFilter

BATCH = 5000
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
class Kind:
    """A kind of file: what stands before all rows, between two batches of them and after all of them."""

    content_type: str
    write: Callable[[Iterable[Row]], str]
    before: str
    between: str = ""
    after: str = ""


@require_GET
@never_cache
async def event_export(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the events that the filters of the address let through, all of them, as a file.

    Every time is UTC in ISO 8601. The export ends with the last event that was there when it was asked for.
    """
    if kind not in KINDS:
        raise Http404
    deployment = await aget_object_or_404(Deployment.objects.for_page(), pk=pk)
    await sync_to_async(connections.close_all)()  # as in a stream: batches are read by their own threads
    name = f"{slugify(deployment.environment.name) or 'environment'}-deployment-{deployment.pk}-events.{kind}"
    return StreamingHttpResponse(
        file(KINDS[kind], deployment, EventFilter.of(request.GET), Reader.of(request)),
        content_type=KINDS[kind].content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Accel-Buffering": "no",
        },
    )


async def file(
    kind: Kind, deployment: Deployment, wanted: EventFilter, reader: Reader
) -> AsyncIterator[bytes]:
    """Give the wanted events in their order, so many at a time, each batch read from where the last ended."""
    found = await reads.in_thread(_wanted, deployment, wanted, reader)
    yield kind.before.encode()
    last: int | None = 0
    between = ""
    while last is not None:
        text, last = await reads.in_thread(_batch, kind, found, reader, last)
        if text:
            yield f"{between}{text}".encode()
            between = kind.between
    yield kind.after.encode()


def _wanted(deployment: Deployment, wanted: EventFilter, reader: Reader) -> EventQuerySet:
    with reader.reading():  # a text is looked for in the reader's language
        return wanted.events(deployment).up_to(deployment.last_seq)


def _batch(kind: Kind, found: EventQuerySet, reader: Reader, after: int) -> tuple[str, int | None]:
    """Return the text of the batch after an event, and the last event's number; None when no more follow."""
    with reader.reading():
        batch = list(found.after(after)[:BATCH].plain())
        text = kind.write(row(event) for event in batch) if batch else ""
    return text, batch[-1].seq if len(batch) == BATCH else None


def row(event: Plain) -> Row:
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
        wording.event(Event(code=event.code, values=event.values)) if own else "",
    )


def utc(moment: datetime) -> str:
    """Return a moment in ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_csv(rows: Iterable[Row]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([_safe(value) for value in one] for one in rows)
    return text.getvalue()


def _safe(value: str | int) -> str | int:
    """Return a cell that no spreadsheet takes for a formula: a reason may say what a stranger wrote.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def as_json(rows: Iterable[Row]) -> str:
    """Return rows as the inside of a JSON list, a line for each."""
    return ",\n".join(json.dumps(dict(zip(FIELDS, one, strict=True)), ensure_ascii=False) for one in rows)


KINDS = {
    # Spreadsheets take a file for UTF-8 by the mark at its beginning.
    "csv": Kind(content_type="text/csv; charset=utf-8", write=as_csv, before=f"\ufeff{as_csv([FIELDS])}"),
    "json": Kind(content_type="application/json", write=as_json, before="[\n", between=",\n", after="\n]\n"),
}
