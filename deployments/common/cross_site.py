"""Requests that a browser sends for a page of another site: what it says about them in its headers.

https://www.w3.org/TR/fetch-metadata/ and https://fetch.spec.whatwg.org/#origin-header; programs send neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

_OWN: Final = frozenset({"same-origin", "none"})
"""Pages of the portal; typed addresses and bookmarks."""


def is_cross_site(request: HttpRequest) -> bool:
    """Return whether a page of another origin sends a request, also one of the same site."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in _OWN
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return False
    # A proxy may end TLS without reporting it, so schemes are not compared.
    return urlsplit(origin).netloc.lower() != request.get_host().lower()


def is_embedded(request: HttpRequest) -> bool:
    """Return whether a page sends a request without leaving it: for an image, a frame or a script."""
    return request.headers.get("Sec-Fetch-Dest", "document") != "document"
