"""The monthly drills: Sanso begins those that are due."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.health.models.reads import databases_in_use
from deployments.locks.models import lock_hold
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.rules.schedule import longest_ago
from deployments.restore_drills.shared.beginning import begin_drill

MOST = 20
"""Maximum number of drills that begin at once: those of a night do not all begin together."""
NOT_NOW = (EnvironmentState.IN_PROGRESS, EnvironmentState.CREATION_FAILED, EnvironmentState.DELETED)
"""The states in which a drill that is due waits; it also waits while the stack is gone."""


def begin_due(now: datetime) -> int:
    """Begin the drills that are due. Return their number."""
    due = list(Environment.objects.with_due_drill(now).values_list("pk", flat=True))
    begun = 0
    for pk in due:
        begun += _begin(pk, now)
        if begun == MOST:
            break
    return begun


def _begin(pk: int, now: datetime) -> bool:
    """Begin the drill of an environment unless something is in progress there; it then stays due.

    The row is locked and read again: another dispatcher, a person who requests a drill, a change and a
    deletion lock it as well.
    """
    with transaction.atomic():
        row = Environment.objects.select_for_update().select_related("latest").get(pk=pk)
        databases = databases_in_use(row)
        if (
            row.next_drill_at is None
            or row.next_drill_at > now
            or row.state in NOT_NOW
            or row.is_gone
            or not databases
            or lock_hold(row, now) is not None
            or RestoreDrill.objects.of(row).active().exists()
        ):
            return False
        chosen = longest_ago(databases, RestoreDrill.objects.of(row).last_by_cluster())
        begin_drill(row, chosen, user=None, now=now)
        AuditRecord.objects.write(
            action="restore_drill",
            name=row.name,
            account_id=row.account_id,
            environment=row,
            details={"cluster": chosen, "by_schedule": True},
        )
    return True
