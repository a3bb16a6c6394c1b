"""Rows of the waterfall and lines of the log as HTML. Unchanging ones are rendered once per process.

A page has hundreds of them. Most no longer change, and are the same for all users with the same locale.
"""

from __future__ import annotations

from functools import lru_cache

from django.template.loader import get_template
from django.utils.safestring import SafeString

from deployments.common.pages.locale import Locale
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.log import LogLine
from deployments.deployment_pages.pages.waterfall import row_html
from deployments.stacks.rules.time_axis import TimeAxis

KEPT = 8192


def row(of: Row, axis: TimeAxis, now: int, locale: Locale) -> SafeString:
    """Return a row of the waterfall. Call it while `locale` is active."""
    if of.is_moving:
        return row_html.row(of, axis, now, locale.language)
    return _row_without_progress(of, axis, locale)


@lru_cache(maxsize=KEPT)
def line(of: LogLine, locale: Locale) -> str:  # part of the key
    """Return a line of the log. Call it while `locale` is active."""
    return get_template("deployment_pages/_event_line.html").render({"line": of})


@lru_cache(maxsize=KEPT)
def _row_without_progress(of: Row, axis: TimeAxis, locale: Locale) -> SafeString:  # part of the key
    return row_html.row(of, axis, of.ended or of.started or axis.start, locale.language)
