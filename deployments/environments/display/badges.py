"""Status badges: icon, label and color, for the tags of templates and the columns of the admin."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from deployments.cloudformation.status import DisplayStatus, display_status
from deployments.common.pages.icons import icon
from deployments.environments.display import headlines
from deployments.environments.models.deployments import NOT_APPLIED, Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.environments.rules.phases import WAITS, State, display_status_of

# For titles and other plain texts; pages show icons. The value of a display status is also the end of its
# CSS class: `is-rolled-back`.
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
    DisplayStatus.NOT_RUN: "–",
    DisplayStatus.UNCHANGED: "=",
    DisplayStatus.REMAINS: "▣",
    DisplayStatus.ROLLBACK_FAILED: "⊗",
    DisplayStatus.ATTENTION: "▲",
}
ICONS: dict[str, str] = {
    "○": "ring",
    "◔": "clock",
    "◐": "run",
    "◑": "settle",
    "✓": "ok",
    "↺": "back",
    "⟲": "rolled-back",
    "✕": "fail",
    "⊘": "canceled",
    "⊖": "gone",
    "–": "dash",
    "=": "equal",
    "▣": "remains",
    "⊗": "back-failed",
    "▲": "alert",
    "?": "unknown",
    "↑": "up",
}
"""The icon of each glyph."""
LABELS: dict[DisplayStatus, Promise] = {
    DisplayStatus.PENDING: pgettext_lazy("status", "Pending"),
    DisplayStatus.WAITING: pgettext_lazy("status", "Waiting"),
    DisplayStatus.PROGRESS: pgettext_lazy("status", "In progress"),
    DisplayStatus.SETTLING: pgettext_lazy("status", "Stabilizing"),
    DisplayStatus.DONE: pgettext_lazy("status", "Succeeded"),
    DisplayStatus.ROLLING_BACK: pgettext_lazy("status", "Rolling back"),
    DisplayStatus.ROLLED_BACK: pgettext_lazy("status", "Rolled back"),
    DisplayStatus.FAILED: pgettext_lazy("status", "Failed"),
    DisplayStatus.CANCELLED: pgettext_lazy("status", "Canceled"),
    DisplayStatus.DELETED: pgettext_lazy("status", "Deleted"),
    DisplayStatus.NOT_RUN: pgettext_lazy("status", "Not run"),
    DisplayStatus.UNCHANGED: pgettext_lazy("status", "Unchanged"),
    DisplayStatus.REMAINS: pgettext_lazy("status", "Remains"),
    DisplayStatus.ROLLBACK_FAILED: pgettext_lazy("status", "Rollback failed"),
    DisplayStatus.ATTENTION: pgettext_lazy("status", "Needs attention"),
}
# The health of an environment, a tier or a component.
HEALTH: dict[str, tuple[str, str, Promise]] = {
    "healthy": (DisplayStatus.DONE.value, "✓", pgettext_lazy("health", "Healthy")),
    "degraded": (DisplayStatus.ATTENTION.value, "▲", pgettext_lazy("health", "Degraded")),
    "unhealthy": (DisplayStatus.FAILED.value, "✕", pgettext_lazy("health", "Unhealthy")),
    "unknown": (DisplayStatus.PENDING.value, "?", pgettext_lazy("health", "Unknown")),
}
ENVIRONMENT: dict[EnvironmentState, tuple[str, str, Promise]] = {
    EnvironmentState.IN_PROGRESS: (
        DisplayStatus.PROGRESS.value,
        GLYPHS[DisplayStatus.PROGRESS],
        LABELS[DisplayStatus.PROGRESS],
    ),
    EnvironmentState.CREATION_FAILED: (
        DisplayStatus.FAILED.value,
        GLYPHS[DisplayStatus.FAILED],
        pgettext_lazy("status", "Creation failed"),
    ),
    **{EnvironmentState(name): HEALTH[name] for name in ("unhealthy", "degraded", "healthy", "unknown")},
    EnvironmentState.DELETED: (
        DisplayStatus.DELETED.value,
        GLYPHS[DisplayStatus.DELETED],
        LABELS[DisplayStatus.DELETED],
    ),
}
"""The class, glyph and label of the state of an environment, everywhere where it is shown."""
# What a component is doing, in the place of an unknown health.
TRANSITIONS: dict[str, tuple[str, str, Promise]] = {
    "starting": (
        DisplayStatus.PROGRESS.value,
        GLYPHS[DisplayStatus.PROGRESS],
        pgettext_lazy("health", "Starting"),
    ),
    "leaving": (
        DisplayStatus.SETTLING.value,
        GLYPHS[DisplayStatus.SETTLING],
        pgettext_lazy("health", "Leaving"),
    ),
    "standby": (
        DisplayStatus.PENDING.value,
        GLYPHS[DisplayStatus.PENDING],
        pgettext_lazy("health", "Standby"),
    ),
}
_SUCCEEDED: dict[str, Promise] = {
    "create": pgettext_lazy("status", "Succeeded"),
    "delete": pgettext_lazy("status", "Deleted"),
    "rollback_update": pgettext_lazy("status", "Rolled back"),
    "rollback_creation": pgettext_lazy("status", "Rolled back"),
}


def mark(glyph: str) -> SafeString:
    """Return the icon of a glyph, without a text."""
    return icon(ICONS[glyph])


def badge(
    kind: str, glyph: str, label: object, *, tip: str = "", raw: str = "", pill: bool = False
) -> SafeString:
    """Return a badge; `kind` is the end of its CSS class.

    `tip` opens on hover and on keyboard focus, so that a badge with one is a Tab stop; `raw` is always
    displayed below the label instead.
    """
    return format_html(
        '<span class="status{} is-{}"{}>{}<span class="word">{}{}</span>{}</span>',
        " pill" if pill else "",
        kind,
        SafeString(' tabindex="0"') if tip else "",
        mark(glyph),
        label,
        format_html('<span class="raw">{}</span>', raw) if raw else "",
        format_html(' <span class="tip">{}</span>', tip) if tip else "",
    )


def status_badge(
    status: DisplayStatus, label: object = "", *, tip: str = "", raw: str = "", pill: bool = False
) -> SafeString:
    """Return the badge of a display status, with its own label unless another is given."""
    return badge(status.value, GLYPHS[status], label or LABELS[status], tip=tip, raw=raw, pill=pill)


def status(cloudformation: str, reason: str = "", *, raw: bool = False, pill: bool = False) -> SafeString:
    """Return the badge of a CloudFormation status, which is on hover and keyboard focus itself.

    `raw` displays it below the label instead, where there is room for it.
    """
    tip = "" if raw else f"{cloudformation}: {reason}" if reason else cloudformation
    display = display_status(cloudformation, reason)
    return status_badge(display, tip=tip, raw=cloudformation if raw else "", pill=pill)


def health(state: str, *, transition: str = "", tip: str = "", pill: bool = False) -> SafeString:
    """Return the badge of a health state; an empty one counts as unknown.

    `transition` is what a component is doing in the place of an unknown health.
    """
    kind, glyph, label = TRANSITIONS.get(transition) or HEALTH.get(state, HEALTH["unknown"])
    return badge(kind, glyph, label, tip=tip, pill=pill)


def deployment_status(deployment: Deployment, *, pill: bool = False, attention: bool = True) -> SafeString:
    """Return the badge of a deployment: its result, its phase, or that it needs attention."""
    state = State(deployment.state)
    if state in WAITS or state is State.PREVIEW:
        return status_badge(DisplayStatus.WAITING, headlines.phase(state), pill=pill)
    end = display_status_of(state)
    if end is DisplayStatus.DONE:
        return status_badge(end, _SUCCEEDED.get(deployment.kind, LABELS[end]), pill=pill)
    if end is not DisplayStatus.PROGRESS:
        was_applied = deployment.cancel_code not in NOT_APPLIED
        return status_badge(end, "" if was_applied else deployment.get_cancel_code_display(), pill=pill)
    if deployment.attention_code and attention:
        return status_badge(DisplayStatus.ATTENTION, pill=pill)
    progress = _("%(status)s · %(phase)s") % {
        "status": LABELS[DisplayStatus.PROGRESS],
        "phase": headlines.phase(deployment.state),
    }
    return status_badge(DisplayStatus.PROGRESS, progress, pill=pill)


def environment_status(environment: Environment, *, pill: bool = False) -> SafeString:
    """Return the badge of the state of an environment."""
    kind, glyph, label = ENVIRONMENT[environment.state]
    return badge(kind, glyph, label, pill=pill)
