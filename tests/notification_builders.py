"""Builders of notification targets."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from deployments.common.models.encryption import encrypt_values
from deployments.notifications.models import NotificationTarget
from deployments.notifications.rules.standard_webhooks import new_secret
from deployments.notifications.rules.topics import CHOSEN


def make_target(
    url: str, *, owner: User | None = None, secret: str = "", **values: Any
) -> NotificationTarget:
    """Return a saved webhook target; a shared one without an owner."""
    defaults = {"name": "Hook", "language": "en", "time_zone": "UTC", "topics": [str(one) for one in CHOSEN]}
    return NotificationTarget.objects.create(
        kind="webhook",
        owner=owner,
        sealed_address=encrypt_values({"url": url}),
        hint=url.partition("?")[0],
        sealed_secret=encrypt_values({"now": secret or new_secret()}),
        **(defaults | values),
    )
