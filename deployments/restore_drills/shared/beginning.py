"""The beginning of a drill: its row becomes due, and a schedule moves on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deployments.environments.models.environments import Environment
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.rules.schedule import a_month_later

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def begin_drill(locked: Environment, cluster_id: str, *, user: User | None, now: datetime) -> RestoreDrill:
    """Make a drill due in an environment that has none in progress, and whose row is locked.

    `user` is None if Sanso begins it by schedule. The next one by schedule is due a month later.
    """
    if locked.next_drill_at is not None:
        Environment.objects.filter(pk=locked.pk).update(next_drill_at=a_month_later(now))
    return RestoreDrill.objects.create(
        environment=locked,
        active_key=locked.pk,
        requested_by=user,
        cluster_id=cluster_id,
        due_at=now,
    )
