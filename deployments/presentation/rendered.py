"""Rows of the tree and lines of the log as HTML. What does not change any more is drawn once a process.

A page has hundreds of them, most at rest, and every reader of one language sees the same: with this, a
page costs what is new in it.
"""

from __future__ import annotations

from functools import lru_cache

from django.template.loader import get_template
from django.utils.safestring import SafeString

from deployments.presentation.locale import Locale
from deployments.presentation.log import Line
from deployments.presentation.waterfall import row_html
from deployments.presentation.waterfall.axis import Axis
from deployments.presentation.waterfall.rows import Row

KEPT = 8192


def row(of: Row, axis: Axis, now: int, locale: Locale) -> SafeString:
    """Return a row of the waterfall. To be called while `locale` is active."""
    if of.is_moving:
        return row_html.row(of, axis, now, locale.language)
    return _row_at_rest(of, axis, locale)


@lru_cache(maxsize=KEPT)
def line(of: Line, locale: Locale) -> str:  # part of the key
    """Return a line of the log. To be called while `locale` is active."""
    return get_template("deployments/_event_line.html").render({"line": of})


@lru_cache(maxsize=KEPT)
def _row_at_rest(of: Row, axis: Axis, locale: Locale) -> SafeString:  # part of the key
    return row_html.row(of, axis, of.ended or of.started or axis.start, locale.language)
