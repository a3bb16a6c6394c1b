"""Request a restore drill, and refuse what would collide with one in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
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

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_DELETIONS = ("delete", "force_delete")


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
        refuse_deleted(environment)
        chosen = database_of(environment, cluster_id)
        request.details = {"cluster": chosen}
        if (found := _active(environment)) is not None:
            request.repeats = True
            return found
        if environment.active_deployment:
            raise busy(environment)
        try:
            with transaction.atomic():
                return RestoreDrill.objects.create(
                    environment=environment,
                    active_key=environment.pk,
                    requested_by=user,
                    cluster_id=chosen,
                    due_at=timezone.now(),
                )
        except IntegrityError:  # somebody else was first
            request.repeats = True
            return RestoreDrill.objects.of(environment)[0]


def _active(environment: Environment) -> RestoreDrill | None:
    return RestoreDrill.objects.of(environment).active().first()


def refuse_deletion(request: CommandRequest) -> None:
    """Refuse to delete an environment whose subnets a drill uses. Raise UserFixable."""
    if request.environment is None or request.action not in _DELETIONS:
        return
    if _active(request.environment) is not None:
        raise UserFixable("DrillInProgress", Code.DRILL_IN_PROGRESS, environment=request.environment.name)
