"""Request that what was kept after a failure is rolled back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from deployments.actions.request import CHANGE, Request, busy, requesting
from deployments.core.operations import Operation, refusal
from deployments.core.phases import Kind
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment
from deployments.runner import event_log

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def returns_to(environment: Environment) -> Deployment | None:
    """Return the deployment to whose state a rollback goes back, None if it empties the stack."""
    return Deployment.objects.complete_in(environment).first()


def request_stack_rollback(
    *, user: User, environment: Environment, reason: str, request_key: UUID
) -> Deployment:
    """Request the rollback of a stack that stands at a failure, and return its deployment.

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if the
    stack does not stand at a failure, or another deployment is changing the environment.
    """
    before = Deployment.objects.filter(request_key=request_key).first()
    if before:
        return before
    request = Request(user=user, action="roll_back", permission=CHANGE, environment=environment)
    request.reason = reason
    try:
        with requesting(request):
            row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
            request.deployment = _created(request, row, request_key)
            return request.deployment
    except IntegrityError:
        twice = Deployment.objects.filter(request_key=request_key).first()
        if twice:
            return twice
        raise busy(environment) from None


def _created(request: Request, environment: Environment, request_key: UUID) -> Deployment:
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
    if environment.active_deployment:
        raise busy(environment)
    if why := refusal(environment.stack_status, Operation.ROLL_BACK):
        raise UserFixable("NothingToRollBack", why.code, **why.params)
    back_to, failed = returns_to(environment), Deployment.objects.attempts_of(environment).first()
    kind = Kind.ROLLBACK_UPDATE if back_to else Kind.ROLLBACK_CREATION
    deployment = Deployment.objects.create(
        environment=environment,
        kind=kind.value,
        requested_by=request.user,
        reason=request.reason,
        request_key=request_key,
        active_key=environment.pk,
        parameters=environment.parameters,
        template_digest=back_to.template_digest if back_to else "",
        base=failed,
        rolls_back_to=back_to,
        due_at=timezone.now(),
    )
    Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    event_log.add(
        deployment,
        "requested",
        kind=kind.value,
        user=request.user.get_username(),
        reason=request.reason,
        failed=failed.pk if failed else 0,
    )
    return deployment
