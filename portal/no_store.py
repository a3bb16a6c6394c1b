"""Keep pages out of caches: another user of the same browser or proxy may have other permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.decorators import sync_and_async_middleware

INVALID_FORM = 422
"""The browser may cache an invalid form; otherwise Back would have to submit the form again. The page
contains the user's input, and is only for one session (`Vary: Cookie`). A program may cache a response with
an ETag, and revalidates it each time.
"""


@sync_and_async_middleware
def no_store(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add `no-store` to every response of a view. WhiteNoise serves static files before this."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            pending: Awaitable[HttpResponse] = get_response(request)
            return _marked(await pending)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        return _marked(get_response(request))

    return answer


def _marked(response: HttpResponse) -> HttpResponse:
    if response.status_code == INVALID_FORM or "ETag" in response:
        patch_cache_control(response, no_cache=True, private=True)
    else:
        patch_cache_control(response, no_store=True, private=True)
    return response
