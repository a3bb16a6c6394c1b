"""What is active during a request: the time zone of its browser, and the context of its audit records."""

from __future__ import annotations

import zoneinfo
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from structlog.contextvars import get_contextvars

from deployments.common.client_address import address_of
from deployments.common.request_context import SESSION, request_context, session_id

Answer = Callable[[HttpRequest], Any]

COOKIE = "sanso_zone"
"""Written by static/portal/zone.js with the browser's own zone, such as Asia/Tokyo."""


def _within(get_response: Answer, context_of: Callable[[HttpRequest], AbstractContextManager[Any]]) -> Answer:
    """Return what answers a request within a context, in the way of `get_response`: async or not."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            with context_of(request):
                pending: Awaitable[HttpResponse] = get_response(request)
                return await pending

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        with context_of(request):
            response: HttpResponse = get_response(request)
            return response

    return answer


@sync_and_async_middleware
def request_context_middleware(get_response: Answer) -> Answer:
    """Attribute a request's audit records to its session. This comes after the middleware of users."""
    return _within(get_response, _context_of)


@sync_and_async_middleware
def time_zone(get_response: Answer) -> Answer:
    """Activate the browser's zone while its request is handled; SANSO_TIME_ZONE for browsers without one."""
    return _within(get_response, _zone_of)


def _context_of(request: HttpRequest) -> AbstractContextManager[Any]:
    request_id = str(get_contextvars().get("request_id") or uuid4().hex)
    return request_context(
        by=SESSION,
        id=session_id(request.session.session_key),
        address=address_of(request),
        request_id=request_id[:64],
        person=request.user,
    )


def _zone_of(request: HttpRequest) -> AbstractContextManager[None]:
    name = request.COOKIES.get(COOKIE, "")
    return timezone.override(zoneinfo.ZoneInfo(name)) if name in _known() else nullcontext()


@cache
def _known() -> frozenset[str]:
    """Return the known names of zones: other values of a cookie must not reach the file system."""
    return frozenset(zoneinfo.available_timezones())
