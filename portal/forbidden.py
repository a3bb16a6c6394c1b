"""Writes each 403 to the log as one line: who wanted what, and why not. Django writes a traceback."""

from __future__ import annotations

import logging

from django.db import DatabaseError
from django.http import HttpRequest


class OneLine(logging.Filter):
    """Rewrites the records of Django's loggers for 403, of a view as well as of the CSRF check."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through; those of a 403 without a traceback."""
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
        return "somebody (the database does not answer)"


def _reason(record: logging.LogRecord) -> str:
    """Return what was raised, or else what Django's line says: `Forbidden (reason): path`."""
    raised = record.exc_info[1] if record.exc_info else None
    if raised is not None and str(raised):
        return str(raised)
    return record.getMessage().removeprefix("Forbidden (").partition("): ")[0]
