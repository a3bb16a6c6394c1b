"""The page for people: the newest times, and a button that saves one. No script, no cookie, no token.

A CSRF token would protect nothing: by the original's contract, any GET of /write saves.
"""

import hashlib
import logging
import re
from base64 import b64encode
from functools import cache
from typing import Final
from urllib.parse import urlencode

from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods

from datelog import saved_times
from datelog.clock import now_text
from datelog.configuration import current_configuration
from datelog.labels import Labels, labels_for
from datelog.position import Position
from datelog.responses import HTML, response
from datelog.saved_times import Page
from datelog.version import current_version

log = logging.getLogger(__name__)

LENGTH: Final = 100
_SAVED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest) -> HttpResponse:
    """Show the newest times, or those before a position; save the current time on POST."""
    labels = labels_for(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
    if request.method == "POST":
        return _save(request, labels)
    return _render(request, labels)


def _save(request: HttpRequest, labels: Labels) -> HttpResponse:
    now = now_text()
    try:
        saved_times.save(now)
    except Error as error:
        log.error("POST %s: %s", request.path, error)
        return _render(request, labels, alert=labels.not_saved, status=503)
    # A redirect, so that reloading the page saves nothing.
    redirect = HttpResponseRedirect(f"{request.path}?{urlencode({'saved': now})}")
    redirect.status_code = 303
    return redirect


def _render(request: HttpRequest, labels: Labels, *, alert: str = "", status: int = 200) -> HttpResponse:
    before, found = None, Page(times=[], next=None)
    try:
        before = Position.parse(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        alert, status = labels.bad_link, 400
    try:
        found = saved_times.page(LENGTH, before, newest_first=True)
    except Error as error:
        log.error("%s %s: %s", request.method, request.path, error)
        alert, status = alert or labels.unreadable, 503
    saved = request.GET.get("saved", "")
    if not _SAVED.fullmatch(saved):
        saved = ""
    content = {
        "labels": labels,
        "alert": alert,
        "saved": saved,
        # The reader may lag behind the writer: then the page says that the time will appear.
        "is_listed": not found.times or saved <= found.times[0],
        "times": found.times,
        "is_readable": status != 503 or bool(found.times),
        "is_first": before is None,
        "older": urlencode({"before": found.next}) if found.next else "",
        "zone": str(current_configuration().zone),
        "version": current_version(),
    }
    html = render_to_string("datelog/view.html", content)
    rendered = response(HTML, html.encode(), _headers(), status=status)
    if request.method == "HEAD":
        rendered.content = b""
    return rendered


def _style() -> str:
    html = render_to_string("datelog/view.html", {"labels": labels_for("")})
    return html.partition("<style>")[2].partition("</style>")[0]


@cache
def _headers() -> dict[str, str]:
    digest = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "Referrer-Policy": "same-origin",
        "Vary": "Accept-Language",
    }
