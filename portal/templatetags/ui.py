"""How statuses, times and durations are shown: the one place for all pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from deployments.core.status import Shown, shown
from deployments.views import wording

if TYPE_CHECKING:
    from deployments.models import Deployment, Environment

register = template.Library()

# DESIGN, section 2. The name of the status is also its class: `is-rolled-back`.
GLYPHS: dict[Shown, str] = {
    Shown.PENDING: "○",
    Shown.WAITING: "◔",
    Shown.PROGRESS: "◐",
    Shown.SETTLING: "◑",
    Shown.DONE: "✓",
    Shown.ROLLING_BACK: "↺",
    Shown.ROLLED_BACK: "⟲",
    Shown.FAILED: "✕",
    Shown.CANCELLED: "⊘",
    Shown.DELETED: "⊖",
}
WORDS: dict[Shown, Promise] = {
    Shown.PENDING: pgettext_lazy("status", "Pending"),
    Shown.WAITING: pgettext_lazy("status", "Waiting"),
    Shown.PROGRESS: pgettext_lazy("status", "In progress"),
    Shown.SETTLING: pgettext_lazy("status", "Stabilising"),
    Shown.DONE: pgettext_lazy("status", "Done"),
    Shown.ROLLING_BACK: pgettext_lazy("status", "Rolling back"),
    Shown.ROLLED_BACK: pgettext_lazy("status", "Rolled back"),
    Shown.FAILED: pgettext_lazy("status", "Failed"),
    Shown.CANCELLED: pgettext_lazy("status", "Cancelled"),
    Shown.DELETED: pgettext_lazy("status", "Deleted"),
}
ATTENTION = "attention"
ATTENTION_GLYPH = "▲"
_ENDS: dict[str, Shown] = {
    "succeeded": Shown.DONE,
    "failed": Shown.FAILED,
    "rolled_back": Shown.ROLLED_BACK,
}
_SUCCEEDED: dict[str, Promise] = {
    "create": pgettext_lazy("status", "Succeeded"),
    "delete": pgettext_lazy("status", "Deleted"),
}


def badge(
    kind: str, glyph: str, word: object, *, tip: str = "", raw: str = "", pill: bool = False
) -> SafeString:
    """Return a status: glyph, word and the class that colours it.

    `tip` opens on hover and on keyboard focus, so that a badge with one is a Tab stop; `raw` is shown
    below the word at all times instead.
    """
    return format_html(
        '<span class="status{} is-{}"{}><span class="glyph" aria-hidden="true">{}</span>'
        '<span class="word">{}{}</span>{}</span>',
        " pill" if pill else "",
        kind,
        SafeString(' tabindex="0"') if tip else "",
        glyph,
        word,
        format_html('<span class="raw">{}</span>', raw) if raw else "",
        format_html(' <span class="tip">{}</span>', tip) if tip else "",
    )


def status_badge(
    kind: Shown, word: object = "", *, tip: str = "", raw: str = "", pill: bool = False
) -> SafeString:
    """Return the badge of a status shown to people, under its own word unless another is given."""
    return badge(kind.value, GLYPHS[kind], word or WORDS[kind], tip=tip, raw=raw, pill=pill)


@register.simple_tag
def status(word: str, reason: str = "", *, raw: bool = False, pill: bool = False) -> SafeString:
    """Show a CloudFormation status: the word of ours, with CloudFormation's own one hover or Tab away.

    `raw` shows CloudFormation's word below ours instead, where there is room for it.
    """
    tip = "" if raw else f"{word}: {reason}" if reason else word
    return status_badge(shown(word, reason), tip=tip, raw=word if raw else "", pill=pill)


@register.simple_tag
def deployment_status(deployment: Deployment, *, pill: bool = False, attention: bool = True) -> SafeString:
    """Show how a deployment stands: its end, the phase it is in, or that it wants somebody's attention."""
    end = _ENDS.get(deployment.state)
    if end is Shown.DONE:
        return status_badge(end, _SUCCEEDED.get(deployment.kind, WORDS[end]), pill=pill)
    if end:
        return status_badge(end, pill=pill)
    if deployment.attention_code and attention:
        return badge(ATTENTION, ATTENTION_GLYPH, pgettext("status", "Needs attention"), pill=pill)
    progress = _("%(status)s · %(phase)s") % {
        "status": WORDS[Shown.PROGRESS],
        "phase": wording.phase(deployment.state),
    }
    return status_badge(Shown.PROGRESS, progress, pill=pill)


@register.simple_tag
def environment_status(environment: Environment, *, pill: bool = False) -> SafeString:
    """Show how an environment stands: gone, its stack missing, or as its latest deployment left it."""
    if environment.deleted_at:
        return status_badge(Shown.DELETED, pill=pill)
    if environment.missing_since:
        return status_badge(Shown.FAILED, pgettext("status", "Stack missing"), pill=pill)
    if environment.latest:
        return deployment_status(environment.latest, pill=pill)
    return status(environment.stack_status, environment.status_reason, pill=pill)


@register.simple_tag(takes_context=True)
def current(context: Context, beginning: str) -> SafeString:
    """Mark a link of the navigation when the page is one of its section: its URL's name begins so."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = (match.url_name if match else "") or ""
    if not name.startswith(beginning):
        return SafeString("")
    return SafeString(f'aria-current="{"page" if name == f"{beginning}s" else "true"}"')


def zone_name(local: datetime) -> str:
    """Return the name of a local time's zone: JST, UTC, or UTC+03 where the zone has no letters."""
    name = local.strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def stamp(moment: datetime) -> str:
    """Return a moment in the current zone to the second, with the zone: 2026-11-24 23:05:09 JST."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


def iso(moment: datetime) -> str:
    """Return a moment in UTC as machines read it: 2026-11-24T14:05:09Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Show a moment in the current zone, for machines and on hover in UTC; a dash for none."""
    if moment is None:
        return SafeString("–")
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', iso(moment), stamp(moment))


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """Show how long ago a moment was, in one unit: 3 min ago. The exact time is on hover."""
    if moment is None:
        return SafeString("–")
    text = _("%(age)s ago") % {"age": age_text(moment, timezone.now())}
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), stamp(moment), text)


@register.simple_tag
def age(moment: datetime | None) -> SafeString:
    """Show the time since a moment, in one unit: 3 d. The exact moment is on hover."""
    if moment is None:
        return SafeString("–")
    text = age_text(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(moment), stamp(moment), text)


def age_text(moment: datetime, now: datetime) -> str:
    """Return the time between two moments in its largest whole unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < 60:
        return _("%(number)d s") % {"number": seconds}
    if seconds < 3600:
        return _("%(number)d min") % {"number": seconds // 60}
    if seconds < 2 * 86400:
        return _("%(number)d h") % {"number": seconds // 3600}
    return _("%(number)d d") % {"number": seconds // 86400}


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds as a clock shows them: 0:09, 8:42, 1:02:03. Nothing for none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.simple_tag
def took(started: datetime | None, ended: datetime | None) -> str:
    """Return the time between two moments as a clock shows it; up to now while there is no end."""
    return duration(((ended or timezone.now()) - started).total_seconds()) if started else ""


@register.filter
def is_link(value: object) -> bool:
    """Tell whether a text may be made a link: an http or https address, never javascript: or data:."""
    return isinstance(value, str) and value.lower().startswith(("http://", "https://"))
