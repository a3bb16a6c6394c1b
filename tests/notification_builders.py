"""Builders of notification targets."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from deployments.core.notifications import CHOSEN
from deployments.core.standard_webhooks import new_secret
from deployments.models import NotificationTarget
from deployments.models.sealed import seal


def make_target(
    url: str, *, owner: User | None = None, secret: str = "", **values: Any
) -> NotificationTarget:
    """Return a saved webhook target; a shared one without an owner."""
    defaults = {"name": "Hook", "language": "en", "time_zone": "UTC", "topics": [str(one) for one in CHOSEN]}
    return NotificationTarget.objects.create(
        kind="webhook",
        owner=owner,
        sealed_address=seal({"url": url}),
        hint=url.partition("?")[0],
        sealed_secret=seal({"now": secret or new_secret()}),
        **(defaults | values),
    )
