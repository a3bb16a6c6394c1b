"""Log each 403 as one line: the request, the user and the reason. Django logs a traceback."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest


class OneLine(logging.Filter):
    """Rewrite the records of Django's loggers for 403, of views and of the CSRF check."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True; remove the traceback of a 403."""
        request = getattr(record, "request", None)
        if getattr(record, "status_code", 0) == 403 and isinstance(request, HttpRequest):
            parts = (str(request.method), request.path, _user(request), _reason(record))
            record.msg = "Forbidden: %s %s by %s: %s"
            record.args = tuple(part.encode("unicode_escape").decode("ascii") for part in parts)
            record.exc_info = record.exc_text = None
        return True


def _user(request: HttpRequest) -> str:
    try:
        user = getattr(request, "user", None)
        return (
            f"user {user.pk} ({user.get_username()})"
            if user and user.is_authenticated
            else "an anonymous user"
        )
    except DatabaseError:
        return "an unknown user (the database does not respond)"


def _reason(record: logging.LogRecord) -> str:
    """Return the exception's message, or else the reason in Django's line: `Forbidden (reason): path`."""
    raised = record.exc_info[1] if record.exc_info else None
    if raised is not None and str(raised):
        return str(raised)
    return record.getMessage().removeprefix("Forbidden (").partition("): ")[0]
