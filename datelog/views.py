"""The views for programs: list, save, health checks. The page for people is in page.py."""

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
from datelog.clock import now_text
from datelog.configuration import current_configuration
from datelog.listing import ListBody
from datelog.position import Position
from datelog.responses import JSON, PRIVATE, json_response, response, text_response

log = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponseBase]


class StreamTimeout(Exception):
    """A client received a list so slowly that its thread is needed for other requests."""


def _requires_database(message: str) -> Callable[[View], View]:
    """Return 503 with this message when a database error occurs; its reason is only logged."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponseBase:
            try:
                return view(request)
            except Error as error:
                log.error("%s %s: %s", request.method, request.path, error)
                return json_response({"error": message}, {"Retry-After": "1"}, status=503)

        return guarded

    return decorate


@require_safe
@_requires_database("The saved times can't be read right now. Try again in a moment.")
def read(request: HttpRequest) -> HttpResponseBase:
    """Return every saved time, oldest first; with `limit` or `after`, a page."""
    if request.META.get("QUERY_STRING") and ("limit" in request.GET or "after" in request.GET):
        return _page(request)
    first = saved_times.first_part()
    if first.next is None:
        return _list(request, first.content)
    return _streamed_list(request, first.content.joined, first.next)


def _page(request: HttpRequest) -> HttpResponse:
    try:
        limit = _limit(request.GET.get("limit"))
        after = Position.parse(request.GET["after"]) if "after" in request.GET else None
    except ValueError as error:
        return json_response({"error": f"Not a page of the list: {error}."}, status=400)
    found = saved_times.page(limit, after)
    headers = {}
    if found.next is not None:
        query = urlencode({"limit": limit, "after": found.next})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return _list(request, found.content, headers)


def _limit(text: str | None) -> int:
    if text is None:
        return saved_times.CHUNK
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= saved_times.CHUNK):
        raise ValueError(f"limit must be a whole number from 1 to {saved_times.CHUNK}")
    return int(text)


def _list(request: HttpRequest, content: ListBody, headers: dict[str, str] | None = None) -> HttpResponse:
    whole = response(JSON, content.body, {**PRIVATE, "ETag": content.etag, **(headers or {})})
    return _conditional(request, content.etag, whole)


def _conditional(request: HttpRequest, etag: str, full: HttpResponse) -> HttpResponse:
    """Return the response to a conditional request or a HEAD, given the full response."""
    if "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META:
        conditional = get_conditional_response(request, etag, None, full)
        full = conditional if conditional is not None else full
    if request.method == "HEAD":
        full.content = b""
    return full


def _streamed_list(request: HttpRequest, first: bytes, after: Position) -> HttpResponseBase:
    """Return a long list as a stream.

    Its ETag costs a full table scan before the first byte, so only HEAD and conditional requests get it: they
    save more than it costs.
    """
    etag = None
    if request.method == "HEAD" or "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META:
        etag = 'W/"{}-{}"'.format(*saved_times.fingerprint())
        headers = {**PRIVATE, "ETag": etag}
        short = _conditional(request, etag, HttpResponse(content_type=JSON, headers=headers))
        if request.method == "HEAD" or short.status_code != 200:
            return short
    body = listing.stream(chain([first], _within_time_limit(saved_times.remaining(after))))
    streamed = StreamingHttpResponse(body, content_type=JSON, headers=PRIVATE)
    if etag is not None:
        streamed.headers["ETag"] = etag
    return streamed


def _within_time_limit(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks. An error leaves the JSON without its end, since its beginning has been sent."""
    until = time.monotonic() + current_configuration().stream_seconds

    def check(chunk: bytes) -> bytes:
        if time.monotonic() > until:
            raise StreamTimeout(f"not received within {current_configuration().stream_seconds} s")
        return chunk

    try:
        yield from map(check, chunks)
    except (Error, StreamTimeout) as error:
        log.error("A list was cut off: %s", error)
        raise


@require_http_methods(["GET", "POST"])  # no HEAD: it must not save, and there is nothing else to return
@_requires_database("The time may not have been saved. Look at the list before you try again.")
def write(request: HttpRequest) -> HttpResponse:
    """Save the current time."""
    if is_prefetch(request):
        return text_response("Not saved: prefetched.", status=403)
    now = now_text()
    saved_times.save(now)
    return text_response(f"Saved: {now}")


def is_prefetch(request: HttpRequest) -> bool:
    """Return whether a browser prefetches. The last two headers are older than the standard."""
    named = (request.META.get(name, "") for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"))
    return any("prefetch" in value.lower() for value in named)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Return ok. Without the database, whose failures must not replace servers."""
    return text_response("ok\n")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Return whether the writer accepts writes and the reader reads, each within a second."""
    found = readiness.check()
    ready = all(endpoint.ok for endpoint in found.values())
    content = {"ready": ready, **{name: endpoint.as_json() for name, endpoint in found.items()}}
    return json_response(content, status=200 if ready else 503)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 404 for any other path."""
    return text_response("Not found.\n", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 500 for a bug in datelog; Django has logged it."""
    return text_response("datelog failed.\n", status=500)
