"""Exports count as long responses: how many a user may have at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from django.http import HttpResponse
from django.utils.translation import gettext as _

from deployments.live.streams import Admission, TooMany, Viewer

RETRY_SECONDS = 10


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
