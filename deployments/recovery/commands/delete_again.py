"""Request the deletion of a stack again whose deletion has failed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError

from deployments.access.commands.requesting import DELETE, FORCE_DELETE, CommandRequest, requesting
from deployments.changes.models.approvals import policy_of
from deployments.changes.shared.approvals import GIVEN
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.recovery.commands.delete import require_typed_name
from deployments.recovery.commands.recovering import begin, chosen_of, held
from deployments.stacks.commands.sent_again import SentAgain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_deletion_again(
    *,
    user: User,
    environment: Environment,
    resources: Collection[str],
    typed_name: str,
    unprotect: bool,
    force: bool,
    reason: str,
    request_key: UUID,
) -> Deployment:
    """Request the deletion of a stack whose deletion failed, except for the resources (paths) to retain.

    `force` deletes the stack without the resources that fail, which needs its own permission. Raise
    UserFixable if a resource was chosen that has not failed, the stack is in another status, or approval is
    required and none was given for a deletion like this.
    """
    permission = FORCE_DELETE if force else DELETE
    action = "force_delete" if force else "delete"
    request = CommandRequest(
        user=user, action=action, permission=permission, reason=reason, environment=environment
    )
    request.details["retain"] = sorted(resources)
    sent = SentAgain(request, request_key, [Kind.DELETE], retain=sorted(resources), unprotect=unprotect)
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            require_typed_name(environment, typed_name)
            row = held(environment)
            if why := refusal(row.stack_status, Operation.FORCE_DELETE):
                raise UserFixable("NotDeletedAgain", why.code, **why.params)
            _refuse_beyond_approval(row, unprotect=unprotect)
            chosen = [] if force else chosen_of(row, resources)
            request.before = {"stack_status": row.stack_status}
            request.after = {"retained": [one.key for one in chosen], "force": force}
            options: dict[str, Any] = {"force": True} if force else {}
            options |= {"retain": [one.as_json() for one in chosen]} if chosen else {}
            return begin(sent, row, Kind.DELETE, options=options, unprotect=unprotect)
    except IntegrityError:
        return sent.first(environment)


def _refuse_beyond_approval(environment: Environment, *, unprotect: bool) -> None:
    """Raise UserFixable if approval is required, and a deletion again would do more than was approved.

    It retains more than the deletion that failed, so that the approval of that one covers it, unless only
    this one switches off deletion protection.
    """
    if policy_of(environment) is None:
        return
    approved = Deployment.objects.deletions_of(environment.pk).filter(approvals__decision__in=GIVEN)
    if not (approved.filter(unprotect=True) if unprotect else approved).exists():
        raise UserFixable("DeletionNotApproved", Code.DELETION_AGAIN_NOT_APPROVED)
