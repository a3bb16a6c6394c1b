"""The events of a deployment as server-sent events: those that were missed first, then each as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error, connections
from django.http import StreamingHttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.streaming import SSE

from deployments.access.api.deployment_router import deployment_of, router
from deployments.access.api.keyset import MAX_KEY, MOST, After, Key
from deployments.access.api.problems import RequestRefused
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_ONE
from deployments.deployment_pages.api.schemas.deployments import EventOut
from deployments.environments.models.deployments import Deployment
from deployments.live import access, broadcaster, reads, streams
from deployments.live.reads import Snapshot
from deployments.live.streams import TooMany, Viewer
from deployments.stacks.models.events import Event

RETRY_MS = 2000
MAX_AGE = 900.0
"""Lifetime of a stream in seconds: a program connects again with the number of its last event."""


@router.get(
    "/deployments/{deployment_id}/stream",
    response={200: None, **FOR_ONE},
    operation_id="stream_deployment",
    openapi_extra={
        "responses": {
            200: {"content": {SSE.media_type: {"schema": {"$ref": "#/components/schemas/EventOut"}}}}
        },
        "parameters": [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "The number of the last event that was received; it wins over `after`.",
                "schema": {"type": "string", "pattern": r"^\d{1,18}$"},
            }
        ],
    },
)
async def stream_deployment(request: ApiRequest, deployment_id: Key, after: After) -> StreamingHttpResponse:
    """Stream a deployment's events as server-sent events, each with its number as the id.

    `event` messages have an event, `state` messages the state of the deployment, and an `end` message is the
    last one once nothing more will come. `access` is the last one when the token was revoked or has expired.
    """
    deployment = await sync_to_async(deployment_of)(request, deployment_id)
    viewer = await _admitted(request, deployment.environment_id)
    language = translation.get_language()
    return StreamingHttpResponse(
        _messages(deployment.pk, _position(request, after), viewer, language),
        content_type=SSE.media_type,
        headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"},
    )


def _position(request: ApiRequest, after: int) -> int:
    last = request.headers.get("Last-Event-ID", "")
    return min(int(last), MAX_KEY) if last.isascii() and last.isdecimal() and len(last) < 19 else after


async def _admitted(request: ApiRequest, environment: int) -> Viewer:
    """Return a viewer, which is checked at each heartbeat.

    Raise Refused if there are too many streams, AuthenticationError if the access has just ended.
    """
    token = request.auth.token
    key = access.key_of_token(token.pk) if token else request.session.session_key or ""
    await sync_to_async(connections.close_all)()  # a stream must not keep a database connection
    granted = (await reads.in_thread(access.of_viewers, [key])).get(key)
    if granted is None:
        raise AuthenticationError
    try:
        return broadcaster.current().streams.admit(key, granted, environment)
    except TooMany as exc:
        text = _("Too many streams are open (limit: %(limit)d).") % {"limit": exc.limit}
        raise RequestRefused(429, "TooManyStreams", text) from exc


async def _messages(pk: int, since: int, viewer: Viewer, language: str | None) -> AsyncIterator[bytes]:
    """Yield messages until the deployment ends, the stream expires, or the viewer leaves or loses access."""
    current = broadcaster.current()
    expiry, sent_at, state = time.monotonic() + MAX_AGE, 0.0, ""
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        async with current.channel(pk) as channel:
            while not (current.closing or channel.gone or viewer.ends or time.monotonic() > expiry):
                changed, snapshot = channel.changed, channel.snapshot  # in this order: later changes set it
                found = await _events(pk, since, snapshot, language)
                for event in found:
                    since, sent_at = event.seq, time.monotonic()
                    yield _message("event", event.model_dump_json(), event.seq)
                if snapshot and since >= snapshot.seq and state != snapshot.state:
                    state = snapshot.state
                    yield _message("state", _facts(snapshot), snapshot.seq)
                if snapshot and snapshot.is_settled and since >= snapshot.seq:
                    yield _message("end", _facts(snapshot), snapshot.seq)
                    return
                if time.monotonic() - sent_at >= streams.HEARTBEAT:
                    sent_at = time.monotonic()
                    yield b": waiting\n\n"
                if not found:
                    await _wait(changed, sent_at + streams.HEARTBEAT - time.monotonic())
            if viewer.ends:
                yield _message("access", json.dumps({"code": viewer.ends}))
    finally:
        current.streams.leave(viewer)


async def _events(pk: int, since: int, snapshot: Snapshot | None, language: str | None) -> list[EventOut]:
    if snapshot is None or snapshot.seq <= since:
        return []
    with contextlib.suppress(Error, Deployment.DoesNotExist):  # the channel logs it and polls again
        return await reads.in_thread(_read, pk, since, snapshot.seq, language)
    return []


def _read(pk: int, since: int, until: int, language: str | None) -> list[EventOut]:
    rows = Event.objects.of(Deployment(pk=pk)).after(since).up_to(until)
    with translation.override(language):
        return [EventOut.of(event) for event in rows[:MOST].plain()]


def _facts(snapshot: Snapshot) -> str:
    ended = snapshot.ended_at
    facts: dict[str, Any] = {"state": snapshot.state, "attention": snapshot.attention_code}
    return json.dumps(facts | {"last_seq": snapshot.seq, "ended_at": ended and ended.isoformat()})


def _message(event: str, data: str, seq: int | None = None) -> bytes:
    numbered = "" if seq is None else f"id: {seq}\n"
    return f"{numbered}event: {event}\ndata: {data}\n\n".encode()


async def _wait(changed: asyncio.Event, seconds: float) -> None:
    """Wait for a change, at most so many seconds. Never with `wait_for`: see Channel.follow_row."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.05, seconds)):
            await changed.wait()
