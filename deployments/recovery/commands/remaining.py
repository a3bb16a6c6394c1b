"""Requests for a new search for remaining resources in AWS, or their deletion."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import User

from deployments.access.commands.requesting import DELETE_REMAINING, OPERATE, CommandRequest, busy, requesting
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.approvers import is_service_account, requesters_by
from deployments.changes.models.approvals import policy_of
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.health.commands.operate import add_action
from deployments.recovery.commands.delete import require_typed_name
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.shared.finalize import request_search


def request_new_search(*, user: User, deployment: Deployment) -> None:
    """Request a new search for the remaining resources of a deployment that has ended.

    Raise UserFixable while it runs.
    """
    environment = deployment.environment
    with requesting(
        CommandRequest(
            user=user,
            action="search_remaining",
            permission=OPERATE,
            environment=environment,
            deployment=deployment,
        )
    ):
        if deployment.is_active:
            raise busy(environment)
        request_search(deployment, user)


def request_deletion_of(
    *, user: User, deployment: Deployment, chosen: Collection[tuple[str, str]], typed_name: str
) -> ActionRequest:
    """Request the deletion of remaining resources, given as (type, id).

    Raise UserFixable if the environment's name was not typed exactly, no resource was chosen that the search
    found and Sanso can delete, or the deletion of the environment required approval and the user requested
    it, or could not have approved it.
    """
    environment = deployment.environment
    with requesting(
        CommandRequest(
            user=user,
            action="delete_remaining",
            permission=DELETE_REMAINING,
            environment=environment,
            deployment=deployment,
        )
    ) as request:
        _require_second_person(request, deployment)
        deletable = {(one.type, one.id) for one in remaining_of(deployment).deletable}
        wanted = sorted(deletable & set(chosen))
        if not wanted:
            raise UserFixable("NothingChosen", Code.NOTHING_TO_DELETE, "resources")
        require_typed_name(environment, typed_name)
        resources = [list(one) for one in wanted]
        request.details["resources"] = resources
        request.before = {"resources": [f"{one.type} {one.id}" for one in remaining_of(deployment).deletable]}
        request.after = {"deleted": [" ".join(one) for one in resources]}
        arguments = {"deployment": deployment.pk, "resources": resources}
        return add_action(request, environment, "delete_remaining", arguments, str(deployment.pk))


def _require_second_person(request: CommandRequest, deployment: Deployment) -> None:
    """Raise UserFixable unless the user may delete alone what is left of an environment.

    What a deletion leaves is often data, such as final snapshots, which its approval did not include. Since
    the environment is gone, nothing waits for approval; somebody who could approve requests it instead.
    """
    user, environment = request.user, deployment.environment
    if deployment.kind != Kind.DELETE or policy_of(environment) is None:
        return
    if can(user, Right.BYPASS_APPROVAL, environment):
        request.details["bypasses_approval"] = True
        return
    requesters = requesters_by(Deployment.objects.deletions_of(environment.pk))
    if user.pk in requesters or is_service_account(user) or not can(user, Right.APPROVE, environment):
        raise UserFixable("SecondPersonNeeded", Code.REMAINING_NEEDS_APPROVER)
