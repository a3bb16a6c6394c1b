"""A row as HTML, built by hand instead of a template: a page has a thousand of them, and 150 ms.

Every text goes through `escape`; tests/deployment_pages/pages/waterfall/ verify this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.datetime_formats import clock, zone_name
from deployments.common.pages.icons import icon
from deployments.deployment_pages.display.waterfall.bars import Bar
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.environments.display import badges
from deployments.stacks.rules.time_axis import MIN_BAR, TimeAxis

_NOT_ENDED = frozenset(
    {DisplayStatus.PENDING, DisplayStatus.WAITING, DisplayStatus.PROGRESS, DisplayStatus.SETTLING}
)
_HATCHED = frozenset(
    {
        DisplayStatus.FAILED,
        DisplayStatus.ROLLING_BACK,
        DisplayStatus.ROLLED_BACK,
        DisplayStatus.ROLLBACK_FAILED,
        DisplayStatus.CANCELLED,
    }
)


class RowTexts(NamedTuple):
    """The texts of rows in one language, looked up once: `%` fills them."""

    level: str
    fold: str
    critical: str
    between: str
    since: str
    usually: str
    rolled_back: str
    first: str
    rollback: str
    every: str


@lru_cache(maxsize=8)
def texts_of(language: str) -> RowTexts:
    """Return the texts in the current language; `language` is its code."""
    return RowTexts(
        level=escape(_("Level %(level)s:")),
        fold=_("Expand or collapse %(name)s"),
        critical=escape(_("on the critical path")),
        between=_("%(start)s to %(end)s"),
        since=_("since %(start)s"),
        usually=_("usually %(usual)s"),
        rolled_back=_("rollback %(start)s to %(end)s"),
        first=escape(_("First failure")),
        rollback=escape(_("Rollback")),
        every=escape(_("Show all rows")),
    )


def row(of: Row, axis: TimeAxis, now: int, language: str) -> SafeString:
    """Return a row of the table in the current language; `language` is the key for cached texts."""
    texts = texts_of(language)
    classes = [f"level-{min(of.level, 9)}", of.kind]
    classes += [
        word
        for word, wanted in (
            ("stack", of.is_stack and of.kind != "stack"),
            ("is-counted", of.is_counted),
            ("is-problem", of.is_problem),
            ("is-first", of.is_cause),
            ("is-undo", of.display_status is DisplayStatus.ROLLBACK_FAILED),
            ("is-canceled", of.display_status is DisplayStatus.CANCELLED),
            ("is-not-run", of.display_status is DisplayStatus.NOT_RUN),
            ("is-unchanged", of.display_status is DisplayStatus.UNCHANGED),
            ("is-running", of.is_running),
            ("is-critical", of.is_critical),
            ("has-explanation", of.reason or of.back_reason),
        )
        if wanted
    ]
    attributes = f' data-parent="{escape(of.parent)}"' if of.parent else ""
    if of.is_stack:
        attributes += f' data-open="{"yes" if of.open else "no"}"'
    if of.inside.number:
        attributes += f' data-inside="{_inside(of)}"{_later(of)}'
    if of.display_status not in _NOT_ENDED:
        attributes += " data-over"
    if of.tier:
        attributes += f' data-tier="{escape(of.tier)}"'
    hidden = " hidden" if of.hidden else ""
    return SafeString(
        f'<tr id="{escape(of.id)}" class="{" ".join(classes)}"{attributes}{hidden}>\n'
        f'<th scope="row">{_name(of, texts)}</th>\n'
        f'<td class="state">{_status(of.status, of.display_status, of.label, language)}</td>\n'
        f'<td class="number">{_took(of, now)}</td>\n'
        f'<td class="lane">{"".join(_lane(of, axis, now))}{_times(of, texts)}</td>\n'
        + (f'<td class="number back">{_took_back(of, now)}</td>\n' if of.back else "")
        + "</tr>"
    )


def _name(of: Row, texts: RowTexts) -> str:
    name = escape(of.name)
    level = texts.level % {"level": of.level}
    fold = ""
    if of.is_stack:
        label = escape(texts.fold % {"name": of.name})
        anchor = f' id="{of.anchor}"' if of.anchor else ""
        names = "" if of.is_later else escape(" ".join(of.children))
        controls = f' aria-controls="{names}"' if names else ""
        fold = (
            f'<button type="button" class="fold"{anchor} aria-label="{label}"'
            f' aria-expanded="{"true" if of.open else "false"}"{controls}>'
            '<span class="arrow" aria-hidden="true"></span></button>'
        )
    address = quote(of.path, safe="@:") or "/"
    return (
        f'<span class="line"><span class="unseen">{level} </span>{fold}'
        f'<a class="pick" href="?row={address}">{name}</a><span class="notes">{_notes(of, texts)}</span>'
        f' <span class="type">{escape(_type(of))}</span>{_every(of, texts)}</span>'
        + (f'<span class="reason">{escape(of.reason)}</span>' if of.reason else "")
        + (
            f'<span class="reason undo"><b>{texts.rollback}</b> · {escape(of.back_reason)}</span>'
            if of.back_reason
            else ""
        )
    )


def _inside(of: Row) -> str:
    """Return the counts of a stack's content, in the order of later_rows.js."""
    found = of.inside
    return f"{found.number} {found.problems} {found.running} {found.canceled} {found.not_run}"


def _later(of: Row) -> str:
    return f' data-later="{"some" if of.is_partial else ""}"' if of.is_later else ""


def _every(of: Row, texts: RowTexts) -> str:
    """Return the link to the page with all rows, for browsers without JavaScript."""
    return (
        f' <noscript><a href="?rows=all#{escape(of.id)}">{texts.every}</a></noscript>' if of.is_later else ""
    )


def _type(of: Row) -> str:
    if of.count.total:
        return f"{of.count.done}/{of.count.total}"
    if of.kind == "phase":
        return pgettext("of a deployment", "phase")
    return "" if of.kind == "stack" else of.type.removeprefix("AWS::")


def waiting(names: Sequence[str], more: int) -> str:
    """Return the text of what a row waits for; "" if nothing. `more` is the number of unnamed ones."""
    if not names:
        return ""
    parts = ", ".join(names)
    if more:
        parts = _("%(names)s and %(number)d more") % {"names": parts, "number": more}
    return _("waiting for %(names)s") % {"names": parts}


def slower(usual: float) -> str:
    """Return the text that a row takes longer than its usual duration in seconds."""
    return _("slower than usual (%(usual)s)") % {"usual": clock(usual)}


def _notes(of: Row, texts: RowTexts) -> str:
    """Return the text beside the name. rows.js replaces it when the forecast changes."""
    slow = (
        f'<span class="slow">{escape(slower(of.usual))}</span>' if of.is_slow and of.usual is not None else ""
    )
    waits = f'<span class="waits">{escape(waiting(of.waits, of.more_waits))}</span>' if of.waits else ""
    first = f'<b class="first-tag">{texts.first}</b>' if of.is_cause else ""
    return f"{slow}{flag(texts) if of.is_critical else ''}{first}{waits}"


def flag(texts: RowTexts) -> SafeString:
    """Return the mark of a row on the critical path."""
    sign = f'{icon("flag")}<span class="unseen"> {texts.critical}</span>'
    return SafeString(f'<span class="flag" title="{texts.critical}">{sign}</span>')


@lru_cache(maxsize=512)
def _status(status: str, kind: DisplayStatus, word: str, language: str) -> str:  # part of the key
    """Return the status of a row. It is not a Tab stop: the inspector shows the raw status as text."""
    glyph, text = badges.GLYPHS[kind], escape(str(word or badges.LABELS[kind]))
    tip = f' <span class="tip">{escape(status)}</span>' if status else ""
    return (
        f'<span class="status is-{kind.value}">{badges.mark(glyph)}'
        f'<span class="word">{text}</span>{tip}</span>'
    )


def _took(of: Row, now: int) -> str:
    if of.started is None:
        return ""
    if of.ended is not None:
        return clock((of.ended - of.started) / 1000)
    return _running(of.started, now)


def _took_back(of: Row, now: int) -> str:
    if of.back is None:
        return ""
    if of.back.end is not None:
        return clock((of.back.end - of.back.start) / 1000)
    return _running(of.back.start, now)


def _running(started: int, now: int) -> str:
    since = datetime.fromtimestamp(started / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f'<span data-since="{since}">{clock((now - started) / 1000)}</span>'


def _times(of: Row, texts: RowTexts) -> str:
    """Return its times as text for people who cannot see the bars."""
    if of.started is None and of.back is None and of.usual is None:
        return ""
    parts = []
    if of.started is not None and of.ended is not None:
        parts.append(texts.between % {"start": _time(of.started), "end": _time(of.ended)})
    elif of.started is not None:
        parts.append(texts.since % {"start": _time(of.started)})
    if of.back is not None and of.back.end is not None:
        parts.append(texts.rolled_back % {"start": _time(of.back.start), "end": _time(of.back.end)})
    if of.usual is not None:
        parts.append(texts.usually % {"usual": clock(of.usual)})
    return f'<span class="unseen">{escape("; ".join(parts))}</span>'


def _time(at: int) -> str:
    local = datetime.fromtimestamp(at / 1000, timezone.get_current_timezone())
    return f"{local.hour:02}:{local.minute:02}:{local.second:02} {zone_name(local)}"


def _lane(of: Row, axis: TimeAxis, now: int) -> Iterator[str]:
    yield '<svg class="bars" aria-hidden="true">'
    if of.ghost:
        yield _rect("ghost", axis, *of.ghost, now=now)
    for bar in of.bars:
        yield _bar("bar", bar, axis, now)
    for bar in of.inner:
        yield _bar("inner", bar, axis, now)
    if of.rest:
        kind, begins = ("pending", of.rest[0]) if of.started is None else ("progress", None)
        yield _rect(f"rest is-{kind}", axis, begins, of.rest[1], now=now, more=f' fill="url(#dash-{kind})"')
    yield "</svg>"


def _bar(name: str, bar: Bar, axis: TimeAxis, now: int) -> str:
    fill = f' fill="url(#hatch-{bar.status.value})"' if bar.status in _HATCHED and name == "bar" else ""
    return _rect(f"{name} is-{bar.status.value}", axis, bar.start, bar.end, now=now, more=fill)


def _rect(
    name: str, axis: TimeAxis, start: float | None, end: float | None, *, now: int, more: str = ""
) -> str:
    """Return a bar with its times in seconds since the beginning; None stands for now, which moves."""
    left = axis.percent(now if start is None else start)
    right = axis.percent(now if end is None else end)
    since = "" if start is None else f"{axis.seconds(start):g}"
    until = "" if end is None else f"{axis.seconds(end):g}"
    width = max(MIN_BAR, round(right - left, 2))
    return f'<rect class="{name}" data-s="{since}" data-e="{until}" x="{left:g}%" width="{width:g}%"{more}/>'
