"""The session and address of an HTTP request, for its audit records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from structlog.contextvars import get_contextvars

from deployments.acting import SESSION, Acting, acting_as, session_id
from deployments.client_address import address_of


@sync_and_async_middleware
def acting(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Attribute a request's audit records to its session. This comes after the middleware of users."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            with _acting(request):
                pending: Awaitable[HttpResponse] = get_response(request)
                return await pending

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        with _acting(request):
            response: HttpResponse = get_response(request)
            return response

    return answer


def _acting(request: HttpRequest) -> AbstractContextManager[Acting]:
    request_id = str(get_contextvars().get("request_id") or uuid4().hex)
    return acting_as(
        by=SESSION,
        id=session_id(request.session.session_key),
        address=address_of(request),
        request_id=request_id[:64],
        person=request.user,
    )
