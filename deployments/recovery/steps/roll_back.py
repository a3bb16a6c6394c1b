"""The steps that roll back a stack kept after a failure: list its affected resources, start the rollback."""

from __future__ import annotations

from django.db import transaction

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.cloudformation.dependencies import stacks_around
from deployments.cloudformation.operations import Operation, is_allowed, refusal
from deployments.cloudformation.status import DELETED, is_final
from deployments.common.errors import AwsNotFound, UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import event_log, stack_rows

BUSY = 5.0
"""Seconds between two checks of a stack that something else changes."""


def check(deployment: Deployment, clients: Clients) -> float:
    """Check that the stack can be rolled back, and store the affected resources.

    Return the seconds until the next step. Raise AwsNotFound if the stack no longer exists.
    """
    stack_id = deployment.environment.stack_id
    stack = clients.cloudformation.describe_stack(stack_id)
    if stack.status == DELETED:
        raise AwsNotFound("NoStack", "The stack is deleted.", "cloudformation:DescribeStacks")
    if not is_final(stack.status):
        return BUSY
    if why := refusal(stack.status, Operation.ROLL_BACK, stack.deployment_mode):
        raise UserFixable("NothingToRollBack", why.code, **why.params)
    if deployment.kind == Kind.ROLLBACK_CREATION:
        resources = stack_rows.seed_from_stack(deployment, stack_id, clients.cloudformation)
    else:
        touched = _touched(deployment)
        resources = stack_rows.seed_from_failure(deployment, stack_id, clients.cloudformation, touched)
    event_log.add(deployment, "kept.found", resources=resources)
    with transaction.atomic():
        deployment.move_to(State.STACKS, stack_id=stack_id)
        event_log.add(deployment, "phase", key="stacks", phase="stacks")
    return 0.0


def _touched(deployment: Deployment) -> frozenset[str]:
    """Return the paths of resources with events since the last complete state, and of their parent stacks."""
    found: set[str] = set()
    failed = deployment.base
    while failed is not None:
        for row in Resource.objects.touched_in(failed):
            if not row.is_stack:  # an update passes through stacks in which nothing changes
                found |= {row.path, *stacks_around(row.path)}
        failed = failed.base if failed.is_retry else None
    return frozenset(found)


def start_if_needed(deployment: Deployment, clients: Clients, root: StackView, *, was_started: bool) -> bool:
    """Start the rollback of the stack unless it has begun. Return whether it was started now.

    A second call with the same token has no effect.
    """
    if was_started:
        return False
    # Otherwise a call with a lost response began it.
    stands = is_allowed(root.status, Operation.ROLL_BACK, root.deployment_mode)
    if stands:
        deployment.confirm_claim()
        clients.cloudformation.rollback_stack(
            deployment.stack_id, str(deployment.token), deployment.environment.account.stack_role_arn
        )
    event_log.add(deployment, "kept.rollback_started", stack_name=root.name)
    return stands
