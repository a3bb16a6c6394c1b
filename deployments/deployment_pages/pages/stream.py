"""Updates of a deployment's page: an event stream, and the same updates for polling."""

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

from deployments.common.pages.choices import parse_number
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import log, page_updates
from deployments.deployment_pages.pages.page_updates import PageUpdate
from deployments.environments.models.deployments import Deployment
from deployments.live import access, broadcaster, reads, streams
from deployments.live.access import StreamAccess
from deployments.live.broadcaster import Channel
from deployments.live.reads import Snapshot
from deployments.live.streams import TooMany, Viewer

RETRY_MS = 2000
RETRY_SECONDS = 30
"""Time after which a page that polls because of a limit tries to open a stream again, as in stream.js."""
FRESH = streams.HEARTBEAT
"""Maximum number of seconds between two messages: they contain the time of the last update, keep proxies from
closing the stream, and detect disconnected clients.
"""
MAX_AGE = 900.0
"""Lifetime of a stream in seconds, plus up to a fifth, so that proxies can free its resources."""


@require_GET
@login_not_required  # it returns 401 instead of the login page, which an EventSource could not show
async def deployment_stream(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """Stream updates from the event after `Last-Event-ID`, or else after `?since=`.

    The browser repeats the `since` of the first request when it reconnects, so the header wins.
    `?permissions=` are those with which the page was rendered: if one of them is missing now, the stream
    reports it and ends.
    """
    current = broadcaster.current()
    try:
        current.streams.check_process_limit()  # before any read, so that a rejection is cheap
        granted = await _access(request)
        key = request.session.session_key
        if granted is None or key is None:
            return _text(_("You are logged out."), status=401)
        environment = await reads.in_thread(_visible_environment, pk, granted)
        if environment is None:
            return _text(_("There is no such deployment."), status=404)
        viewer = current.streams.admit(key, granted, environment)
        viewer.ends = _lost_permission(request, granted)
    except TooMany as exc:
        return _rejected(exc)
    since = parse_number(request.headers.get("Last-Event-ID") or request.GET.get("since"))
    return StreamingHttpResponse(
        stream(pk, since, Locale.of(request), viewer),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"},
    )


async def _access(request: HttpRequest) -> StreamAccess | None:
    """Return the access of the logged-in user; None if there is none."""
    user = await request.auser()
    await sync_to_async(connections.close_all)()  # a stream must not keep a database connection
    key = request.session.session_key
    if not user.is_authenticated or key is None:
        return None
    return (await reads.in_thread(access.of_sessions, [key])).get(key)


def _visible_environment(pk: int, granted: StreamAccess) -> int | None:
    """Return the key of a deployment's environment; None if the user may not view it."""
    snapshot = reads.snapshot(pk)
    found = access.environments([snapshot.environment]) if snapshot else {}
    return next((key for key, about in found.items() if granted.may_view(about)), None)


def _lost_permission(request: HttpRequest, granted: StreamAccess) -> str:
    """Return the code of a permission that was lost since the page was rendered; "" if none was."""
    rendered_with = access.grant_keys(request.GET.get("permissions", ""))
    covered = granted.covers(StreamAccess(user=granted.user, grants=rendered_with))
    return "" if covered else streams.PERMISSIONS


def _rejected(problem: TooMany) -> HttpResponse:
    sentence = {
        "session": _("Too many live pages are open in this browser (limit: %(limit)d). Close some of them."),
        "user": _("Too many live pages are open for this user (limit: %(limit)d). Close some of them."),
        "process": _("Too many live pages are open on this server (limit: %(limit)d). Try again later."),
    }[problem.scope] % {"limit": problem.limit}
    response = _text(sentence, status=429)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


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
    """Return the update after `?since=`, the current facts, and `access` as in a stream; for polling."""
    if not isinstance(request.user, User):
        return JsonResponse({"login": True}, status=401)
    granted = access.of_user(request.user)
    snapshot = reads.snapshot(pk)
    if snapshot is None or _visible_environment(pk, granted) is None:
        raise Http404
    update = page_updates.build(pk, parse_number(request.GET.get("since")), snapshot.seq, Locale.of(request))
    lost = json.dumps(_lost_permission(request, granted))
    return HttpResponse(
        f'{{"frame":{update.json},"fresh":{_fresh(snapshot)},"access":{lost}}}',
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def stream(pk: int, since: int, locale: Locale, viewer: Viewer) -> AsyncIterator[bytes]:
    """Yield the messages for one viewer until the deployment ends, the stream expires or the viewer leaves.

    A viewer that has lost access gets the code of the reason (`Viewer.ends`) as the last message.
    """
    current = broadcaster.current()
    expiry = time.monotonic() + MAX_AGE * random.uniform(1, 1.2)  # noqa: S311  # not all at once
    fresh_at = 0.0
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        async with current.channel(pk) as channel:
            position = _Position(channel, locale, since)
            while not (current.closing or channel.gone or viewer.ends or time.monotonic() > expiry):
                changed = channel.changed  # taken before the read: later changes set it
                update = await position.next_update()
                if update:
                    yield update.sse
                elif channel.snapshot and channel.snapshot.is_settled:
                    yield _message("end", _fresh(channel.snapshot))
                    return
                if time.monotonic() - fresh_at >= FRESH:
                    fresh_at = time.monotonic()
                    snapshot = channel.snapshot
                    yield _message("fresh", _fresh(snapshot)) if snapshot else b": waiting\n\n"
                if position.is_behind:
                    # The channel limits only the rate of viewers that are up to date.
                    await asyncio.sleep(broadcaster.COALESCE)
                else:
                    await _wait(changed, fresh_at + FRESH - time.monotonic())
            if viewer.ends:
                yield _message("access", json.dumps({"code": viewer.ends}))
    finally:
        current.streams.leave(viewer)


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    """Wait for a change, at most this many seconds. Do not use `wait_for`: see Channel.follow_row."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await changed.wait()


@dataclass
class _Position:
    """The position of one viewer in a deployment's events."""

    channel: Channel
    locale: Locale
    seq: int

    @property
    def is_behind(self) -> bool:
        """Return whether there are events that the viewer does not have."""
        return self.channel.snapshot is not None and self.seq < self.channel.snapshot.seq

    async def next_update(self) -> PageUpdate | None:
        """Return the next update, the same for all viewers at this position; None without new events."""
        if self.channel.snapshot is None or not self.is_behind:
            return None
        until = min(self.channel.snapshot.seq, self.seq + log.LINES)
        key = (self.seq, until, self.locale)
        try:
            update: PageUpdate = await self.channel.updates.get(key, partial(self._make, self.seq, until))
        except (Error, Deployment.DoesNotExist):
            return None  # the channel logs it and polls again
        if update.seq <= self.seq:
            return None
        self.seq = update.seq
        return update

    async def _make(self, since: int, until: int) -> PageUpdate:
        return await reads.in_thread(page_updates.build, self.channel.pk, since, until, self.locale)


def _fresh(snapshot: Snapshot) -> str:
    """Return the time of the last update and the deployment's state, as JSON."""
    times = {"polled": snapshot.polled_at, "ticked": snapshot.ticked_at, "now": timezone.now()}
    facts = {
        "seq": snapshot.seq,
        "state": snapshot.state,
        "attention": snapshot.attention_code,
        "settled": snapshot.is_settled,
        "percent": snapshot.quota.percent,
        "throttled": snapshot.quota.throttled,
    }
    return json.dumps(facts | {name: at.isoformat() if at else "" for name, at in times.items()})


def _message(event: str, data: str) -> bytes:
    return f"event: {event}\ndata: {data}\n\n".encode()
