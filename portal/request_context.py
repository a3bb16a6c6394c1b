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

from deployments.common.client_address import address_of
from deployments.common.request_context import SESSION, RequestContext, request_context, session_id


@sync_and_async_middleware
def request_context_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Attribute a request's audit records to its session. This comes after the middleware of users."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            with _context_of(request):
                pending: Awaitable[HttpResponse] = get_response(request)
                return await pending

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        with _context_of(request):
            response: HttpResponse = get_response(request)
            return response

    return answer


def _context_of(request: HttpRequest) -> AbstractContextManager[RequestContext]:
    request_id = str(get_contextvars().get("request_id") or uuid4().hex)
    return request_context(
        by=SESSION,
        id=session_id(request.session.session_key),
        address=address_of(request),
        request_id=request_id[:64],
        person=request.user,
    )
