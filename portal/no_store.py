"""Keeps pages out of caches: the next person at the same browser or proxy may not see what this one may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.decorators import sync_and_async_middleware

REFUSED_FORM = 422
"""The browser may keep a form that was refused, or Back to it would fail: it could only send the form again.
The page has what its reader typed, and is good for one session alone (`Vary: Cookie`).
"""


@sync_and_async_middleware
def no_store(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add `no-store` to every answer of a view. Static files do not come this far: WhiteNoise has them."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            pending: Awaitable[HttpResponse] = get_response(request)
            return _marked(await pending)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        return _marked(get_response(request))

    return answer


def _marked(response: HttpResponse) -> HttpResponse:
    if response.status_code == REFUSED_FORM:
        patch_cache_control(response, no_cache=True, private=True)
    else:
        patch_cache_control(response, no_store=True, private=True)
    return response
