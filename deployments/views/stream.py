"""The live side of a deployment's page: an event stream, and the same frames by asking."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.db import Error, connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.live import access, broadcaster, reads, streams
from deployments.live.access import Access
from deployments.live.admission import TooMany, Viewer
from deployments.live.broadcaster import Channel
from deployments.live.reads import Snapshot
from deployments.models import Deployment
from deployments.presentation import frames, log
from deployments.presentation.filters.choices import parse_number
from deployments.presentation.frames import Frame
from deployments.presentation.locale import Locale

RETRY_MS = 2000
REFUSED_SECONDS = 30
"""Seconds after which a page that polls because of a limit tries again: stream.js waits as long."""
FRESH = streams.HEARTBEAT
"""Seconds between two messages at the most: they say how fresh the page is, keep proxies from closing the
stream, and find out which readers are gone.
"""
MAX_AGE = 900.0
"""Seconds a stream lives, and up to a fifth more: what proxies keep for it is freed now and then."""


@require_GET
@login_not_required  # answered with 401 instead of the log-in page, which an EventSource could not show
async def deployment_stream(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """Stream frames from the event after `Last-Event-ID`, or else after `?since=`.

    The browser repeats the `since` of the first request when it reconnects, so the header wins.
    `?permissions=` are those that the page was rendered with: if one of them is missing now, the stream
    reports it and ends.
    """
    here = broadcaster.current()
    try:
        here.streams.check_room()  # before anything is read: a refusal costs next to nothing
        granted = await _access(request)
        key = request.session.session_key
        if granted is None or key is None:
            return _text(_("You are logged out."), status=401)
        if await reads.in_thread(reads.snapshot, pk) is None:
            return _text(_("There is no such deployment."), status=404)
        viewer = here.streams.admit(key, granted)
        viewer.ends = _lost_permission(request, granted)
    except TooMany as exc:
        return _refused(exc)
    since = parse_number(request.headers.get("Last-Event-ID") or request.GET.get("since"))
    return StreamingHttpResponse(
        stream(pk, since, Locale.of(request), viewer),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"},
    )


async def _access(request: HttpRequest) -> Access | None:
    """Return the access of who is logged in, None if nobody is."""
    user = await request.auser()
    await sync_to_async(connections.close_all)()  # a stream must not hold the connection that asked
    key = request.session.session_key
    if not user.is_authenticated or key is None:
        return None
    return (await reads.in_thread(access.of_sessions, [key])).get(key)


def _lost_permission(request: HttpRequest, granted: Access) -> str:
    """Return the code of a permission that was lost since the page was rendered, "" when none was."""
    rendered_with = access.permission_ids(request.GET.get("permissions", ""))
    covered = granted.covers(Access(user=granted.user, permissions=rendered_with))
    return "" if covered else streams.PERMISSIONS


def _refused(problem: TooMany) -> HttpResponse:
    sentence = {
        "session": _("Too many live pages are open in this browser (limit: %(limit)d). Close some of them."),
        "user": _("Too many live pages are open for this user (limit: %(limit)d). Close some of them."),
        "process": _("Too many live pages are open on this server (limit: %(limit)d). Try again later."),
    }[problem.scope] % {"limit": problem.limit}
    refused = _text(sentence, status=429)
    refused["Retry-After"] = str(REFUSED_SECONDS)
    return refused


def _text(sentence: str, *, status: int) -> HttpResponse:
    return HttpResponse(
        f"{sentence}\n",
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


@require_GET
@login_not_required
def deployment_updates(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with the frame after `?since=`, the current facts, and `access` as in a stream; for polling."""
    if not isinstance(request.user, User):
        return JsonResponse({"login": True}, status=401)
    snapshot = reads.snapshot(pk)
    if snapshot is None:
        raise Http404
    frame = frames.build(pk, parse_number(request.GET.get("since")), snapshot.seq, Locale.of(request))
    lost = json.dumps(_lost_permission(request, access.of_user(request.user)))
    return HttpResponse(
        f'{{"frame":{frame.json},"fresh":{_fresh(snapshot)},"access":{lost}}}',
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def stream(pk: int, since: int, locale: Locale, viewer: Viewer) -> AsyncIterator[bytes]:
    """Give the messages for one viewer until the deployment is over, the stream old, or the viewer gone.

    A viewer who may not go on is sent the code of the reason (`Viewer.ends`) as the last message.
    """
    here = broadcaster.current()
    old = time.monotonic() + MAX_AGE * random.uniform(1, 1.2)  # noqa: S311  # not all at once
    fresh_at = 0.0
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        async with here.room(pk) as room:
            place = _Place(room, locale, since)
            while not (here.closing or room.gone or viewer.ends or time.monotonic() > old):
                news = room.news  # taken before looking: what comes afterwards sets it
                frame = await place.next_frame()
                if frame:
                    yield frame.sse
                elif room.snapshot and room.snapshot.is_settled:
                    yield _message("end", _fresh(room.snapshot))
                    return
                if time.monotonic() - fresh_at >= FRESH:
                    fresh_at = time.monotonic()
                    yield _message("fresh", _fresh(room.snapshot)) if room.snapshot else b": waiting\n\n"
                if place.is_behind:
                    await asyncio.sleep(broadcaster.COALESCE)  # a channel paces news; catching up does not
                else:
                    await _first(news, fresh_at + FRESH - time.monotonic())
            if viewer.ends:
                yield _message("access", json.dumps({"code": viewer.ends}))
    finally:
        here.streams.leave(viewer)


async def _first(news: asyncio.Event, seconds: float) -> None:
    """Wait for news, for so long at the most. Never `wait_for`: see Room.keep_current."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


@dataclass
class _Place:
    """Where one reader stands in a deployment's events."""

    room: Channel
    locale: Locale
    seq: int

    @property
    def is_behind(self) -> bool:
        """Return whether there is more than the reader has."""
        return self.room.snapshot is not None and self.seq < self.room.snapshot.seq

    async def next_frame(self) -> Frame | None:
        """Return the frame that leads on from here, the same for all who stand here; None without news."""
        if self.room.snapshot is None or not self.is_behind:
            return None
        until = min(self.room.snapshot.seq, self.seq + log.LINES)
        key = (self.seq, until, self.locale)
        try:
            frame: Frame = await self.room.frames.get(key, partial(self._make, self.seq, until))
        except (Error, Deployment.DoesNotExist):
            return None  # the room says so in the log, and looks again
        if frame.seq <= self.seq:
            return None
        self.seq = frame.seq
        return frame

    async def _make(self, since: int, until: int) -> Frame:
        return await reads.in_thread(frames.build, self.room.pk, since, until, self.locale)


def _fresh(snapshot: Snapshot) -> str:
    """Return how fresh things are and how they stand, as JSON."""
    times = {"polled": snapshot.polled_at, "ticked": snapshot.ticked_at, "now": timezone.now()}
    facts = {
        "seq": snapshot.seq,
        "state": snapshot.state,
        "attention": snapshot.attention_code,
        "settled": snapshot.is_settled,
        "percent": snapshot.budget.percent,
        "throttled": snapshot.budget.throttled,
    }
    return json.dumps(facts | {name: at.isoformat() if at else "" for name, at in times.items()})


def _message(event: str, data: str) -> bytes:
    return f"event: {event}\ndata: {data}\n\n".encode()
