"""HTTP responses with their type, length and caching headers."""

import json
from typing import Final

from django.http import HttpResponse

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

# The client may cache and must revalidate; caches between may not store anything.
PRIVATE: Final = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
NO_STORE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def response(
    content_type: str, body: bytes, headers: dict[str, str] | None = None, *, status: int = 200
) -> HttpResponse:
    """Return a response that may not be cached, unless the headers say otherwise."""
    length = {"Content-Length": str(len(body))}
    return HttpResponse(
        body, content_type=content_type, status=status, headers=NO_STORE | length | (headers or {})
    )


def text_response(text: str, *, status: int = 200) -> HttpResponse:
    """Return a line of text."""
    return response(TEXT, text.encode(), status=status)


def json_response(
    content: object, headers: dict[str, str] | None = None, *, status: int = 200
) -> HttpResponse:
    """Return JSON about the service: a status or an error, not a list of times."""
    return response(JSON, json.dumps(content, indent=2).encode(), headers, status=status)
