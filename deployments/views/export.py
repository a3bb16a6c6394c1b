"""A deployment's events as a file, streamed in batches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.live import broadcaster, reads
from deployments.live.access import StreamAccess
from deployments.live.admission import Admission, TooMany, Viewer
from deployments.models import Deployment
from deployments.models.event import EventQuerySet
from deployments.presentation.event_export import FORMATS, ExportFormat, row
from deployments.presentation.filters.events import EventFilter
from deployments.presentation.locale import Locale
from deployments.views.visible import deployment_or_404

BATCH = 5000
RETRY_SECONDS = 10


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


def rejected(problem: TooMany) -> HttpResponse:
    """Return the response to an export while too many are running."""
    sentence = _("Too many exports are running (limit: %(limit)d). Try again when one of them has ended.")
    return HttpResponse(
        f"{sentence % {'limit': problem.limit}}\n",
        status=429,
        content_type="text/plain; charset=utf-8",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


async def counted(
    parts: AsyncGenerator[bytes, None], exports: Admission, viewer: Viewer
) -> AsyncIterator[bytes]:
    """Yield the parts of a file, and stop counting the export at its end."""
    try:
        async with aclosing(parts):
            async for part in parts:
                yield part
    finally:
        exports.leave(viewer)


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
