"""A deployment's events as a file, streamed in batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages.event_export import FORMATS, ExportFormat, row
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.environments.models.deployments import Deployment
from deployments.live import broadcaster, reads
from deployments.live.access import StreamAccess
from deployments.live.exports import counted, rejected
from deployments.live.streams import TooMany
from deployments.stacks.models.events import EventQuerySet

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
