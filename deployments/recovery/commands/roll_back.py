"""Request the rollback of a stack that was kept after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError

from deployments.access.commands.requesting import CHANGE, CommandRequest, requesting
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.models.rollback_state import returns_to
from deployments.environments.rules.phases import Kind
from deployments.recovery.commands.recovering import begin, held
from deployments.stacks.commands.sent_again import SentAgain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_stack_rollback(
    *, user: User, environment: Environment, reason: str, request_key: UUID
) -> Deployment:
    """Request the rollback of a stack that was kept after a failure, and return its deployment.

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if no
    failure was kept, or another deployment is changing the environment.
    """
    request = CommandRequest(
        user=user, action="roll_back", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.ROLLBACK_UPDATE, Kind.ROLLBACK_CREATION])
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            return _begun(sent, held(environment))
    except IntegrityError:
        return sent.first(environment)


def _begun(sent: SentAgain, environment: Environment) -> Deployment:
    request = sent.request
    if why := refusal(environment.stack_status, Operation.ROLL_BACK, environment.deployment_mode):
        raise UserFixable("NothingToRollBack", why.code, **why.params)
    back_to, failed = returns_to(environment), Deployment.objects.attempts_of(environment).first()
    request.before = {"stack_status": environment.stack_status}
    request.after = {"returns_to": back_to.pk if back_to else "an empty stack"}
    return begin(
        sent,
        environment,
        Kind.ROLLBACK_UPDATE if back_to else Kind.ROLLBACK_CREATION,
        event={"failed": failed.pk if failed else 0},
        template_digest=back_to.template_digest if back_to else "",
        base=failed,
        rolls_back_to=back_to,
    )
