"""The view model of a creation that waits for its scheduled time, or for the end of a hold after it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from deployments.core.phases import State
from deployments.models import Deployment
from deployments.models.holds import Hold, freeze_hold, lock_hold
from deployments.wording import message_text


def scheduled_context(deployment: Deployment) -> dict[str, Any]:
    """Return the context of the page. `held` is why it cannot begin now, or at its scheduled time."""
    hold = _hold(deployment)
    return {
        "deployment": deployment,
        "environment": deployment.environment,
        "version": deployment.template_version,
        "is_due": deployment.state == State.QUEUED,
        "held": message_text(hold.message) if hold else "",
        "marker": marker(deployment),
    }


def marker(deployment: Deployment) -> str:
    """Return a text that changes whenever the content of the page changes."""
    hold = _hold(deployment)
    held = hold.marker if hold else ""
    return f"{deployment.state}-{deployment.is_cancel_pending}-{deployment.attention_code}-{held}"


def _hold(deployment: Deployment) -> Hold | None:
    environment = deployment.environment
    now = timezone.now()
    at = max(deployment.scheduled_for or now, now)
    return lock_hold(environment, at) or freeze_hold(environment.account, at)
