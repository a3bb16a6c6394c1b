"""How an answer is made: its type, its length, and who may keep a copy."""

import json
from typing import Final

from django.http import HttpResponse

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

# A client may keep its copy and ask whether it is still good; nobody between may keep one.
OWN_COPY: Final = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
NO_COPY: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(
    content_type: str, body: bytes, headers: dict[str, str] | None = None, *, status: int = 200
) -> HttpResponse:
    """Return an answer that nobody may keep, unless the headers say otherwise."""
    length = {"Content-Length": str(len(body))}
    return HttpResponse(
        body, content_type=content_type, status=status, headers=NO_COPY | length | (headers or {})
    )


def text_answer(text: str, *, status: int = 200) -> HttpResponse:
    """Return a line of text."""
    return answer(TEXT, text.encode(), status=status)


def json_answer(content: object, headers: dict[str, str] | None = None, *, status: int = 200) -> HttpResponse:
    """Return JSON that is about the service, not a list."""
    return answer(JSON, json.dumps(content, indent=2).encode(), headers, status=status)
