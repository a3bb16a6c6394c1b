"""A deployment's events as a file: CSV for spreadsheets, JSON for programs, streamed a batch at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
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
from deployments.views import wording
from deployments.views.drawn import Reader
from deployments.views.event_filter import EventFilter

BATCH = 1000
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
Row = dict[str, str | int]


@require_GET
@never_cache
async def event_export(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the events that the filters of the address let through, all of them, as a file.

    Every time is UTC in ISO 8601. The export ends with the last event that was there when it was asked for.
    """
    if kind not in _WRITERS:
        raise Http404
    deployment = await aget_object_or_404(Deployment.objects.for_page(), pk=pk)
    await sync_to_async(connections.close_all)()  # as in a stream: batches are read by their own threads
    content_type, write = _WRITERS[kind]
    batches = read_batches(deployment, EventFilter.of(request.GET), Reader.of(request))
    name = f"{slugify(deployment.environment.name) or 'environment'}-deployment-{deployment.pk}-events.{kind}"
    return StreamingHttpResponse(
        write(batches),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Accel-Buffering": "no",
        },
    )


async def read_batches(
    deployment: Deployment, wanted: EventFilter, reader: Reader
) -> AsyncIterator[Sequence[Row]]:
    """Give the wanted events in their order, so many at a time, each batch read from where the last ended."""
    last = 0
    while batch := await reads.in_thread(_batch, deployment, wanted, reader, last):
        yield batch
        last = int(batch[-1]["number"])
        if len(batch) < BATCH:
            return


def _batch(deployment: Deployment, wanted: EventFilter, reader: Reader, after: int) -> list[Row]:
    with reader.reading():
        found = wanted.events(deployment).after(after).up_to(deployment.last_seq)[:BATCH]
        return [row(event) for event in found]


def row(event: Event) -> Row:
    """Return an event's values by the names of the columns."""
    own = event.source == "portal"
    values = (
        event.seq,
        utc(event.at),
        event.source,
        event.stack.path or event.stack.name if event.stack else "",
        event.logical_id,
        event.type,
        event.status,
        event.reason,
        event.physical_id,
        wording.event(event) if own else "",
    )
    return dict(zip(FIELDS, values, strict=True))


def utc(moment: datetime) -> str:
    """Return a moment in ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def as_csv(batches: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Give the rows as CSV in UTF-8, with the mark by which spreadsheets know that it is."""
    yield "\ufeff".encode() + _csv([FIELDS])
    async for batch in batches:
        yield _csv([_safe(value) for value in one.values()] for one in batch)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _safe(value: str | int) -> str | int:
    """Return a cell that no spreadsheet takes for a formula: a reason may say what a stranger wrote.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


async def as_json(batches: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Give the rows as one JSON list, a line for each."""
    before = "[\n"
    async for batch in batches:
        for one in batch:
            yield f"{before}{json.dumps(one, ensure_ascii=False)}".encode()
            before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


Writer = Callable[[AsyncIterator[Sequence[Row]]], AsyncIterator[bytes]]
_WRITERS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "json": ("application/json", as_json),
}
