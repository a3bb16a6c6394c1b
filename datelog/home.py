"""/ is the list as JSON for programs, as in the original application, and the page for browsers."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from datelog import page, views
from datelog.responses import JSON

_HTML: Final = "text/html"
# What Java's HttpURLConnection sends by default begins so. No browser prefers HTML and then images.
_JAVA: Final = "text/html, image/gif, image/jpeg"


def home(request: HttpRequest) -> HttpResponseBase:
    """Return the page if the request accepts HTML by name and has no parameters of the list."""
    accept = request.META.get("HTTP_ACCEPT", "")
    if _HTML in accept and _wants_page(request, accept):  # cheap for programs, which accept JSON or anything
        response: HttpResponseBase = page.view(request)
        response.headers["Vary"] = "Accept, Accept-Language"
        return response
    response = views.read(request)
    response.headers["Vary"] = "Accept"
    return response


def _wants_page(request: HttpRequest, accept: str) -> bool:
    if request.method not in ("GET", "HEAD") or "limit" in request.GET or "after" in request.GET:
        return False
    return not accept.startswith(_JAVA) and _quality(accept, _HTML) > _quality(accept, JSON)


def _quality(accept: str, media_type: str) -> float:
    """Return the quality that an Accept header gives a media type by name, 0 without one.

    RFC 9110, section 12.5.1
    """
    for part in accept.lower().split(","):
        name, *parameters = (text.strip() for text in part.split(";"))
        if name == media_type:
            return next((_number(text[2:]) for text in parameters if text.startswith("q=")), 1.0)
    return 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
