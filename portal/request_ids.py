"""Each request has an id, which appears in its log lines, its response and the error page.

A proxy may set it (X-Request-ID). Only the method, the path and ids of a request are logged: neither the
query nor the body.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from portal import request_counts

log = logging.getLogger("portal.requests")

HEADER = "X-Request-ID"
VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""Ids that a proxy may set: UUIDs, and the ids of nginx, HAProxy and load balancers."""
QUIET = ("/static/", "/healthz", "/readyz")
"""Paths whose successful requests are not logged."""
_ROWS = (("deployments/<int:pk>", "deployment"), ("environments/<int:pk>", "environment"))


def current() -> str:
    """Return the id of the current request; "" outside of a request."""
    return str(get_contextvars().get("request_id", ""))


class RequestIds(RequestMiddleware):
    """Bind the ids of a request to all records that are logged while it is handled."""

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Handle a request, synchronously or asynchronously like the next handler."""
        if iscoroutinefunction(self.get_response):
            return self.__acall__(request)
        began = self._begin(request)
        return self._end(request, cast(HttpResponse, self.get_response(request)), began)

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request of an event loop, without the threads that the base class takes."""
        began = self._begin(request)
        return self._end(request, await cast(Awaitable[HttpResponse], self.get_response(request)), began)

    def _begin(self, request: HttpRequest) -> float:
        given = request.headers.get(HEADER, "")
        clear_contextvars()
        bind_contextvars(request_id=given if VALID.fullmatch(given) else uuid.uuid4().hex)
        return time.monotonic()

    def _end(self, request: HttpRequest, response: HttpResponse, began: float) -> HttpResponse:
        response.headers[HEADER] = current()
        user = getattr(request, "_cached_user", None)  # set once a view has read it; not read for logging
        if user is not None and user.pk is not None:
            bind_contextvars(user_id=user.pk)
        path = request.path.encode("unicode_escape").decode("ascii")
        fields = {"method": request.method, "path": path, "status": response.status_code}
        seconds = time.monotonic() - began
        request_counts.count(request.method or "", path, response.status_code, seconds)
        log.log(
            logging.DEBUG if path.startswith(QUIET) and response.status_code < 400 else logging.INFO,
            "%s %s %s",
            *fields.values(),
            extra=fields | {"seconds": round(seconds, 4)},
        )
        clear_contextvars()
        return response

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, kwargs: dict[str, Any]) -> None:
        """Bind the deployment or the environment in the address."""
        route = request.resolver_match.route if request.resolver_match else ""
        for beginning, name in _ROWS:
            if route.startswith(beginning):
                bind_contextvars(**{name: kwargs["pk"]})

    def process_got_request_exception(self, sender: type[Any], request: HttpRequest, **_kwargs: Any) -> None:
        """Leave exceptions to Django, which logs them once, with the ids."""
