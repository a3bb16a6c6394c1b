"""Request that changes start from the state of a stack that was changed outside of Sanso."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError

from deployments.access.commands.requesting import CHANGE, CommandRequest, requesting
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.recovery.commands.recovering import begin, held
from deployments.stacks.commands.change_base import base_of
from deployments.stacks.commands.sent_again import SentAgain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_adoption(*, user: User, environment: Environment, reason: str, request_key: UUID) -> Deployment:
    """Request that changes start from the current state of a stack that was changed outside of Sanso.

    Nothing changes in AWS. A second call with the same `request_key` returns the deployment of the first.
    """
    request = CommandRequest(
        user=user, action="take_over", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.UPDATE])
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            row = held(environment)
            if row.changed_outside_at is None:
                raise UserFixable("NotChangedOutside", Code.NOT_CHANGED_OUTSIDE)
            if why := refusal(row.stack_status, Operation.CHANGE):
                raise UserFixable("NotTakenOver", why.code, **why.params)
            request.details["changed_at"] = row.changed_outside_at.isoformat()
            request.before, request.after = {"stack": "changed outside"}, {"stack": "taken over"}
            return begin(
                sent,
                row,
                Kind.UPDATE,
                operation="take_over",
                base=base_of(row),
                is_latest=False,
            )
    except IntegrityError:
        return sent.first(environment)
