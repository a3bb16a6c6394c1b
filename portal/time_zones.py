"""The time zone of pages: the browser's, from its cookie; SANSO_TIME_ZONE for browsers without one."""

from __future__ import annotations

import zoneinfo
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

COOKIE = "sanso_zone"
"""Written by static/portal/zone.js with the browser's own zone, such as Asia/Tokyo."""


@sync_and_async_middleware
def time_zone(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Activate the browser's zone while its request is handled."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            with _zone_of(request):
                pending: Awaitable[HttpResponse] = get_response(request)
                return await pending

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        with _zone_of(request):
            response: HttpResponse = get_response(request)
            return response

    return answer


def _zone_of(request: HttpRequest) -> AbstractContextManager[None]:
    name = request.COOKIES.get(COOKIE, "")
    return timezone.override(zoneinfo.ZoneInfo(name)) if name in _known() else nullcontext()


@cache
def _known() -> frozenset[str]:
    """Return the known names of zones: other values of a cookie must not reach the file system."""
    return frozenset(zoneinfo.available_timezones())
