"""A deployment's events as a file: CSV for spreadsheets, JSON for programs, streamed in batches."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.common.pages.csv_file import Row, as_csv
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.environments.models.deployments import Deployment
from deployments.live import broadcaster, reads
from deployments.live.access import StreamAccess
from deployments.live.exports import counted, rejected
from deployments.live.streams import TooMany
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event, EventQuerySet, EventValues

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


BATCH = 5000


@require_GET
@never_cache
async def event_export(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Return all events that match the filters in the URL, as a file.

    Times are UTC in ISO 8601. The export ends with the last event at the time of the request.
    """
    if kind not in FORMATS:
        raise Http404
    deployment = await sync_to_async(deployment_or_404)(request, pk)
    user, key = await request.auser(), request.session.session_key or ""
    await sync_to_async(connections.close_all)()  # as in a stream: batches are read by their own threads
    name = f"{slugify(deployment.environment.name) or 'environment'}-deployment-{deployment.pk}-events.{kind}"
    exports = broadcaster.current().exports
    try:
        viewer = exports.admit(key, StreamAccess(user=user.pk or 0, grants=frozenset()))
    except TooMany as exc:
        return rejected(exc)
    parts = file(FORMATS[kind], deployment, EventFilter.of(request.GET), Locale.of(request))
    return StreamingHttpResponse(
        counted(parts, exports, viewer),
        content_type=FORMATS[kind].content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Accel-Buffering": "no",
        },
    )


async def file(
    kind: ExportFormat, deployment: Deployment, filter_: EventFilter, locale: Locale
) -> AsyncGenerator[bytes, None]:
    """Yield the filtered events in their order, in batches; each begins after the previous one's end."""
    found = await reads.in_thread(_filtered, deployment, filter_, locale)
    yield kind.before.encode()
    last: int | None = 0
    between = ""
    while last is not None:
        text, last = await reads.in_thread(_batch, kind, found, locale, last)
        if text:
            yield f"{between}{text}".encode()
            between = kind.between
    yield kind.after.encode()


def _filtered(deployment: Deployment, filter_: EventFilter, locale: Locale) -> EventQuerySet:
    with locale.active():  # texts are searched in the user's language
        return filter_.events(deployment).up_to(deployment.last_seq)


def _batch(kind: ExportFormat, found: EventQuerySet, locale: Locale, after: int) -> tuple[str, int | None]:
    """Return the text of the batch after an event, and the last event's number; None if no more follow."""
    with locale.active():
        batch = list(found.after(after)[:BATCH].plain())
        text = kind.write(row(event) for event in batch) if batch else ""
    return text, batch[-1].seq if len(batch) == BATCH else None
