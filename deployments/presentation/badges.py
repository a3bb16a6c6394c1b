"""Statuses as people see them: glyph, word and colour, for the pages' tags and the admin's columns."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from deployments.core.status import Shown, shown
from deployments.models import Deployment, Environment
from deployments.presentation.text import wording

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
# Health is never mixed with how a deployment stands: it has words of its own.
HEALTH: dict[str, tuple[str, str, Promise]] = {
    "healthy": (Shown.DONE.value, "✓", pgettext_lazy("health", "Healthy")),
    "degraded": (ATTENTION, ATTENTION_GLYPH, pgettext_lazy("health", "Degraded")),
    "unhealthy": (Shown.FAILED.value, "✕", pgettext_lazy("health", "Unhealthy")),
    "unknown": (Shown.PENDING.value, "?", pgettext_lazy("health", "Unknown")),
}
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


def status(word: str, reason: str = "", *, raw: bool = False, pill: bool = False) -> SafeString:
    """Show a CloudFormation status: the word of ours, with CloudFormation's own one hover or Tab away.

    `raw` shows CloudFormation's word below ours instead, where there is room for it.
    """
    tip = "" if raw else f"{word}: {reason}" if reason else word
    return status_badge(shown(word, reason), tip=tip, raw=word if raw else "", pill=pill)


def health(word: str, *, tip: str = "", pill: bool = False) -> SafeString:
    """Show how healthy something is; a word that was never written counts as unknown."""
    kind, glyph, said = HEALTH.get(word, HEALTH["unknown"])
    return badge(kind, glyph, said, tip=tip, pill=pill)


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


def environment_status(environment: Environment, *, pill: bool = False) -> SafeString:
    """Show how an environment stands: gone, its stack missing, or as its latest deployment left it."""
    if environment.deleted_at:
        return status_badge(Shown.DELETED, pill=pill)
    if environment.missing_since:
        return status_badge(Shown.FAILED, pgettext("status", "Stack missing"), pill=pill)
    if environment.latest:
        return deployment_status(environment.latest, pill=pill)
    return status(environment.stack_status, environment.status_reason, pill=pill)
