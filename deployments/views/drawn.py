"""Rows of the tree and lines of the log as HTML. What does not change any more is drawn once a process.

A page has hundreds of them, most at rest, and every reader of one language sees the same: with this, a
page costs what is new in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from django.http import HttpRequest
from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.safestring import SafeString

from deployments.views.log import Line
from deployments.views.waterfall import draw
from deployments.views.waterfall.axis import Axis
from deployments.views.waterfall.rows import Row

KEPT = 8192


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a page or frame is for, as far as it makes a difference: language and time zone."""

    language: str
    zone: str

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return who sent the request."""
        language = getattr(request, "LANGUAGE_CODE", translation.get_language() or "en")
        return cls(language, timezone.get_current_timezone_name())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Put everything into the reader's language and time zone."""
        with translation.override(self.language), timezone.override(self.zone):
            yield


def row(of: Row, axis: Axis, now: int, reader: Reader) -> SafeString:
    """Return a row of the waterfall. To be called while `reader` is reading."""
    if of.is_moving:
        return draw.row(of, axis, now, reader.language)
    return _row_at_rest(of, axis, reader)


@lru_cache(maxsize=KEPT)
def line(of: Line, reader: Reader) -> str:  # part of the key
    """Return a line of the log. To be called while `reader` is reading."""
    return get_template("deployments/_event_line.html").render({"line": of})


@lru_cache(maxsize=KEPT)
def _row_at_rest(of: Row, axis: Axis, reader: Reader) -> SafeString:  # part of the key
    return draw.row(of, axis, of.ended or of.started or axis.start, reader.language)
