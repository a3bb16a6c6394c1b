"""The notification about a lock that somebody else has broken."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deployments.locks.models.locks import EnvironmentLock
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def lock_broken(lock: EnvironmentLock, user: User, reason: str, now: datetime) -> None:
    """Notify that somebody has ended the lock of another person."""
    payload = {
        "locked_by": lock.owner.get_username(),
        "lock_reason": lock.reason,
        "broken_by": user.get_username(),
        "reason": reason,
    }
    targets = outbox.destinations_of(Topic.LOCK_BROKEN, lock.environment)
    key = f"{Topic.LOCK_BROKEN}:{lock.pk}"
    outbox.write(targets, Topic.LOCK_BROKEN, key, payload, now, environment=lock.environment)
