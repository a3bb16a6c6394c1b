"""Dismissal of the failure of a change: the environment's page no longer shows it, for anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def dismiss_failure(*, user: User, deployment: Deployment) -> None:
    """Dismiss the failure of a change that is the latest of its environment; a newer one is shown again.

    Dismissed again, it stays as it was. Raise UserFixable if it did not fail, or is not the latest any more.
    """
    environment = deployment.environment
    request = CommandRequest(
        user=user,
        action="dismiss_failure",
        permission=CHANGE,
        environment=environment,
        deployment=deployment,
    )
    with requesting(request):
        row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
        failed = Deployment.objects.last_failure_of(row)
        if failed is None or failed.pk != deployment.pk or not failed.is_failed_change:
            raise UserFixable("NothingToDismiss", Code.NOTHING_TO_DISMISS)
        if failed.dismissed_at is not None:
            request.repeats = True
            return
        before = [failed.pk]
        if row.latest is not None and row.latest.is_failed_change:  # before a preview that failed
            before.append(row.latest.pk)
        rows = Deployment.objects.filter(pk__in=before, dismissed_at=None)
        rows.update(dismissed_by=user.get_username(), dismissed_at=timezone.now())
        request.changes({"dismissed_by": ""}, {"dismissed_by": user.get_username()})
