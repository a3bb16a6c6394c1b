"""Statuses as people see them: glyph, word and colour, for the pages' tags and the admin's columns."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from deployments.core.status import DisplayStatus, display_status
from deployments.models import Deployment, Environment
from deployments.presentation.text import wording

# DESIGN, section 2. The name of the status is also its class: `is-rolled-back`.
GLYPHS: dict[DisplayStatus, str] = {
    DisplayStatus.PENDING: "○",
    DisplayStatus.WAITING: "◔",
    DisplayStatus.PROGRESS: "◐",
    DisplayStatus.SETTLING: "◑",
    DisplayStatus.DONE: "✓",
    DisplayStatus.ROLLING_BACK: "↺",
    DisplayStatus.ROLLED_BACK: "⟲",
    DisplayStatus.FAILED: "✕",
    DisplayStatus.CANCELLED: "⊘",
    DisplayStatus.DELETED: "⊖",
}
WORDS: dict[DisplayStatus, Promise] = {
    DisplayStatus.PENDING: pgettext_lazy("status", "Pending"),
    DisplayStatus.WAITING: pgettext_lazy("status", "Waiting"),
    DisplayStatus.PROGRESS: pgettext_lazy("status", "In progress"),
    DisplayStatus.SETTLING: pgettext_lazy("status", "Stabilising"),
    DisplayStatus.DONE: pgettext_lazy("status", "Done"),
    DisplayStatus.ROLLING_BACK: pgettext_lazy("status", "Rolling back"),
    DisplayStatus.ROLLED_BACK: pgettext_lazy("status", "Rolled back"),
    DisplayStatus.FAILED: pgettext_lazy("status", "Failed"),
    DisplayStatus.CANCELLED: pgettext_lazy("status", "Cancelled"),
    DisplayStatus.DELETED: pgettext_lazy("status", "Deleted"),
}
ATTENTION = "attention"
ATTENTION_GLYPH = "▲"
# Health is never mixed with how a deployment stands: it has words of its own.
HEALTH: dict[str, tuple[str, str, Promise]] = {
    "healthy": (DisplayStatus.DONE.value, "✓", pgettext_lazy("health", "Healthy")),
    "degraded": (ATTENTION, ATTENTION_GLYPH, pgettext_lazy("health", "Degraded")),
    "unhealthy": (DisplayStatus.FAILED.value, "✕", pgettext_lazy("health", "Unhealthy")),
    "unknown": (DisplayStatus.PENDING.value, "?", pgettext_lazy("health", "Unknown")),
}
_ENDS: dict[str, DisplayStatus] = {
    "succeeded": DisplayStatus.DONE,
    "failed": DisplayStatus.FAILED,
    "rolled_back": DisplayStatus.ROLLED_BACK,
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
    kind: DisplayStatus, word: object = "", *, tip: str = "", raw: str = "", pill: bool = False
) -> SafeString:
    """Return the badge of a status shown to people, under its own word unless another is given."""
    return badge(kind.value, GLYPHS[kind], word or WORDS[kind], tip=tip, raw=raw, pill=pill)


def status(word: str, reason: str = "", *, raw: bool = False, pill: bool = False) -> SafeString:
    """Show a CloudFormation status: the word of ours, with CloudFormation's own one hover or Tab away.

    `raw` shows CloudFormation's word below ours instead, where there is room for it.
    """
    tip = "" if raw else f"{word}: {reason}" if reason else word
    return status_badge(display_status(word, reason), tip=tip, raw=word if raw else "", pill=pill)


def health(word: str, *, tip: str = "", pill: bool = False) -> SafeString:
    """Show how healthy something is; a word that was never written counts as unknown."""
    kind, glyph, said = HEALTH.get(word, HEALTH["unknown"])
    return badge(kind, glyph, said, tip=tip, pill=pill)


def deployment_status(deployment: Deployment, *, pill: bool = False, attention: bool = True) -> SafeString:
    """Show how a deployment stands: its end, the phase it is in, or that it wants somebody's attention."""
    end = _ENDS.get(deployment.state)
    if end is DisplayStatus.DONE:
        return status_badge(end, _SUCCEEDED.get(deployment.kind, WORDS[end]), pill=pill)
    if end:
        return status_badge(end, pill=pill)
    if deployment.attention_code and attention:
        return badge(ATTENTION, ATTENTION_GLYPH, pgettext("status", "Needs attention"), pill=pill)
    progress = _("%(status)s · %(phase)s") % {
        "status": WORDS[DisplayStatus.PROGRESS],
        "phase": wording.phase(deployment.state),
    }
    return status_badge(DisplayStatus.PROGRESS, progress, pill=pill)


def environment_status(environment: Environment, *, pill: bool = False) -> SafeString:
    """Show how an environment stands: gone, its stack missing, or as its latest deployment left it."""
    if environment.deleted_at:
        return status_badge(DisplayStatus.DELETED, pill=pill)
    if environment.missing_since:
        return status_badge(DisplayStatus.FAILED, pgettext("status", "Stack missing"), pill=pill)
    if environment.latest:
        return deployment_status(environment.latest, pill=pill)
    return status(environment.stack_status, environment.status_reason, pill=pill)
