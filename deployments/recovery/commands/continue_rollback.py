"""Request the continuation of a failed rollback."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError

from deployments.access.commands.requesting import CHANGE, CommandRequest, requesting
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.recovery.commands.recovering import begin, chosen_of, held
from deployments.stacks.commands.sent_again import SentAgain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_continue(
    *, user: User, environment: Environment, skip: Collection[str], reason: str, request_key: UUID
) -> Deployment:
    """Request the continuation of a failed rollback without the resources `skip` (paths below the root).

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if
    a resource was chosen that has not failed, or the stack is in another status.
    """
    request = CommandRequest(
        user=user, action="continue_rollback", permission=CHANGE, reason=reason, environment=environment
    )
    request.details["skip"] = sorted(skip)
    sent = SentAgain(request, request_key, [Kind.ROLLBACK], skip=sorted(skip))
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            row = held(environment)
            if why := refusal(row.stack_status, Operation.CONTINUE):
                raise UserFixable("NotContinuable", why.code, **why.params)
            chosen = chosen_of(row, skip)
            request.before = {"stack_status": row.stack_status}
            request.after = {"skipped": [one.key for one in chosen]}
            return begin(
                sent,
                row,
                Kind.ROLLBACK,
                operation="continue",
                options={"skip": [one.as_json() for one in chosen]} if chosen else {},
            )
    except IntegrityError:
        return sent.first(environment)
