"""Request a restore drill, or one every month, and refuse what would collide with one in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.access.commands.requesting import (
    OPERATE,
    CommandRequest,
    busy,
    refuse_deleted,
    requesting,
)
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.commands.operate import database_of
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.rules.schedule import first_due
from deployments.restore_drills.shared.beginning import begin_drill

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_DELETIONS = ("delete", "force_delete", "approve_deletion", "bypass_deletion")


def request_drill(*, user: User, environment: Environment, cluster_id: str = "") -> RestoreDrill:
    """Request a drill of a database cluster; without an id, of the one in use.

    While a drill of the environment is in progress, it is returned.
    """
    request = CommandRequest(
        user=user,
        action="restore_drill",
        permission=OPERATE,
        environment=environment,
        details={"cluster": cluster_id},
    )
    with requesting(request):
        row = _locked(environment)
        refuse_deleted(row)
        chosen = database_of(row, cluster_id)
        request.details = {"cluster": chosen}
        if (found := RestoreDrill.objects.of(row).active().first()) is not None:
            request.repeats = True
            return found
        if row.active_deployment:
            raise busy(row)
        return begin_drill(row, chosen, user=user, now=timezone.now())


def schedule_drills(*, user: User, environment: Environment, monthly: bool) -> Environment:
    """Set whether Sanso runs a drill of an environment every month. Return the environment.

    Raise UserFixable without a database that it could restore.
    """
    request = CommandRequest(user=user, action="schedule_drills", permission=OPERATE, environment=environment)
    with requesting(request):
        row = _locked(environment)
        refuse_deleted(row)
        was_monthly = row.next_drill_at is not None
        if was_monthly == monthly:
            request.repeats = True
            return row
        if monthly:
            database_of(row, "")
            last = RestoreDrill.objects.of(row).first()
            row.next_drill_at = first_due(last.began_at if last else None, timezone.now())
        else:
            row.next_drill_at = None
        row.save(update_fields=["next_drill_at"])
        request.changes({"monthly": was_monthly}, {"monthly": monthly})
        return row


def _locked(environment: Environment) -> Environment:
    """Return the row of an environment, locked: a drill, its schedule and a deletion do not cross."""
    return Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)


def refuse_deletion(request: CommandRequest) -> None:
    """Refuse to delete an environment whose subnets a drill uses. Raise UserFixable."""
    if request.environment is None or request.action not in _DELETIONS:
        return
    if RestoreDrill.objects.of(request.environment).active().exists():
        raise UserFixable("DrillInProgress", Code.DRILL_IN_PROGRESS, environment=request.environment.name)
