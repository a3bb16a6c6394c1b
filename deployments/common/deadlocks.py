"""Middleware that repeats a request whose transaction the database undid, so that another could go on.

InnoDB resolves a deadlock at once by undoing one of the transactions, and expects its client to issue it
again. Steps of workers are repeated by the dispatcher. A lock that is not released is no deadlock: the
request has already waited for it, and repeating it would multiply that.
https://dev.mysql.com/doc/refman/8.4/en/innodb-deadlocks-handling.html
"""

from __future__ import annotations

import logging

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

log = logging.getLogger(__name__)

REPETITIONS = 3
_DEADLOCK = 1213  # ER_LOCK_DEADLOCK
_IS_LAST = "sanso.is_last_repetition"


def is_deadlock(error: Exception) -> bool:
    """Return whether the database undid a transaction because of a deadlock."""
    return isinstance(error, OperationalError) and error.args[:1] == (_DEADLOCK,)


def is_repeated(request: HttpRequest, error: Exception) -> bool:
    """Return whether the middleware repeats a request after this error, which has to reach it."""
    return is_deadlock(error) and _can_be_repeated(request) and _IS_LAST not in request.META


class RepeatAfterDeadlock(MiddlewareMixin):
    """Call the view again, up to three times."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or not is_repeated(request, exception):
            return None
        for number in range(1, REPETITIONS + 1):
            log.warning("%s %s is repeated: %s", request.method, request.path, exception)
            if number == REPETITIONS:
                request.META[_IS_LAST] = True
            for _, files in request.FILES.lists():
                for file in files:
                    file.seek(0)
            try:
                response: HttpResponse = match.func(request, *match.args, **match.kwargs)
                return response
            except OperationalError as error:
                if not is_deadlock(error):
                    raise
        return None


def _can_be_repeated(request: HttpRequest) -> bool:
    """Return whether Django has kept the body, or nothing has read it: a view may read it as a stream."""
    is_read = getattr(request, "_read_started", False)
    return not is_read or hasattr(request, "_body") or hasattr(request, "_post")
