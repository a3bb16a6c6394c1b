"""What programs ask: the list, a save, health. The page for people is in page.py."""

import logging
import time
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import chain
from urllib.parse import urlencode

from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_safe

from datelog import listing, readiness, saved_times
from datelog.answers import JSON, OWN_COPY, answer, json_answer, text_answer
from datelog.clock import now_text
from datelog.configuration import configured
from datelog.listing import Text
from datelog.position import Position

log = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponseBase]


class StreamTooLong(Exception):
    """A client took so long over a list that its thread is needed for others."""


def _needs_database(sentence: str) -> Callable[[View], View]:
    """Answer 503 with this sentence when the database doesn't answer; the reason goes to the log only."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponseBase:
            try:
                return view(request)
            except Error as error:
                log.error("%s %s: %s", request.method, request.path, error)
                return json_answer({"error": sentence}, {"Retry-After": "1"}, status=503)

        return guarded

    return decorate


@require_safe
@_needs_database("The saved times can't be read right now. Try again in a moment.")
def read(request: HttpRequest) -> HttpResponseBase:
    """Answer every saved time, oldest first; with limit or after, a page of them."""
    if request.META.get("QUERY_STRING") and ("limit" in request.GET or "after" in request.GET):
        return _page(request)
    first = saved_times.beginning()
    if first.next is None:
        return _whole(request, first.text)
    return _long(request, first.text.joined, first.next)


def _page(request: HttpRequest) -> HttpResponse:
    try:
        limit = _limit(request.GET.get("limit"))
        after = Position.parse(request.GET["after"]) if "after" in request.GET else None
    except ValueError as error:
        return json_answer({"error": f"Not a page of the list: {error}."}, status=400)
    found = saved_times.page(limit, after)
    headers = {}
    if found.next is not None:
        query = urlencode({"limit": limit, "after": found.next})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return _whole(request, found.text, headers)


def _limit(text: str | None) -> int:
    if text is None:
        return saved_times.CHUNK
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= saved_times.CHUNK):
        raise ValueError(f"limit must be a whole number from 1 to {saved_times.CHUNK}")
    return int(text)


def _whole(request: HttpRequest, text: Text, headers: dict[str, str] | None = None) -> HttpResponse:
    response = answer(JSON, text.whole, {**OWN_COPY, "ETag": text.etag, **(headers or {})})
    return _as_asked(request, text.etag, response)


def _as_asked(request: HttpRequest, etag: str | None, response: HttpResponse) -> HttpResponse:
    """Return the response as a HEAD or a conditional request wants it."""
    if "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META:
        conditional = get_conditional_response(request, etag, None, response)
        response = conditional if conditional is not None else response
    if request.method == "HEAD":
        response.content = b""
    return response


def _long(request: HttpRequest, first: bytes, after: Position) -> HttpResponseBase:
    """Answer a list that is longer than one chunk, in parts.

    Its entity tag costs a scan of all rows before the first byte. Only who asks with HEAD or a condition
    gets it: for them it saves more than it costs.
    """
    etag = None
    if request.method == "HEAD" or "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META:
        etag = 'W/"{}-{}"'.format(*saved_times.fingerprint())
        found = _as_asked(request, etag, HttpResponse(content_type=JSON, headers={**OWN_COPY, "ETag": etag}))
        if request.method == "HEAD" or found.status_code != 200:
            return found
    parts = listing.in_parts(chain([first], _in_time(saved_times.rest(after))))
    response = StreamingHttpResponse(parts, content_type=JSON, headers=OWN_COPY)
    if etag is not None:
        response.headers["ETag"] = etag
    return response


def _in_time(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass the chunks on. What is sent can't be taken back: an error leaves the JSON without its end."""
    until = time.monotonic() + configured().stream_seconds

    def check(chunk: bytes) -> bytes:
        if time.monotonic() > until:
            raise StreamTooLong(f"not taken within {configured().stream_seconds} s")
        return chunk

    try:
        yield from map(check, chunks)
    except (Error, StreamTooLong) as error:
        log.error("A list was cut off in the middle: %s", error)
        raise


@require_http_methods(["GET", "POST"])  # not HEAD: it must not save, and there is nothing else to tell
@_needs_database("The time may not have been saved. Look at the list before you try again.")
def write(request: HttpRequest) -> HttpResponse:
    """Save the current time."""
    if is_prefetch(request):
        return text_answer("Not saved: prefetched.", status=403)
    now = now_text()
    saved_times.save(now)
    return text_answer(f"Saved: {now}")


def is_prefetch(request: HttpRequest) -> bool:
    """Tell whether a browser asks ahead of its user. The last two are the names before the standard's."""
    named = (request.META.get(name, "") for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"))
    return any("prefetch" in value.lower() for value in named)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process answers. Without the database: its faults must not replace servers."""
    return text_answer("ok\n")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the writer takes writes and the reader reads, each within a second."""
    found = readiness.look()
    ready = all(endpoint.ok for endpoint in found.values())
    content = {"ready": ready, **{name: endpoint.as_json() for name, endpoint in found.items()}}
    return json_answer(content, status=200 if ready else 503)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer any other path."""
    return text_answer("Not found.\n", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer when there is a fault in datelog itself; Django has logged it."""
    return text_answer("datelog failed.\n", status=500)
