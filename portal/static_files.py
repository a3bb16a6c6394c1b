"""The bundles of pages, which the web process serves itself.

A bundle's address has the digest of its content, so browsers keep it and do not ask again.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from portal import bundles
from portal.bundles import Bundle

FOREVER = "max-age=31536000, public, immutable"
NEVER = "no-cache"


def page_bundles(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Respond with bundles; pass on other requests. WhiteNoise serves all other static files."""
    prefix = f"/{settings.STATIC_URL.strip('/')}/"

    def answer(request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith(prefix + bundles.PREFIX) and request.method in ("GET", "HEAD"):
            name = path.removeprefix(prefix)
            if found := bundles.requested(name):
                return _response(request, found, is_current=found.name == name)
        return get_response(request)

    return answer


def _response(request: HttpRequest, found: Bundle, *, is_current: bool) -> HttpResponse:
    headers = {"Cache-Control": FOREVER if is_current else NEVER, "Vary": "Accept-Encoding"}
    content = found.content
    if found.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = found.compressed
    headers["Content-Length"] = str(len(content))
    return HttpResponse(content, content_type=found.content_type, headers=headers)
