"""Rollbacks: of a stack kept after a failure, and of one that got stuck, with what it got stuck on."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from django.db import transaction

from deployments.aws.cloudformation import CloudFormation, StackView
from deployments.aws.session import Clients
from deployments.cloudformation.dependencies import stacks_around
from deployments.cloudformation.operations import Operation, is_allowed, refusal
from deployments.cloudformation.status import DELETED, is_final
from deployments.cloudformation.stuck_resources import (
    ROLLBACK_FAILED,
    STUCK,
    ListedResource,
    ListedStack,
    StuckResource,
    stuck_in,
)
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models.stacks import STACK_TYPE, Resource
from deployments.stacks.shared import event_log, stack_rows
from deployments.stacks.shared.stack_rows import MAX_DEPTH

BUSY = 5.0
"""Seconds between two checks of a stack that something else changes."""


def check_rollback(deployment: Deployment, clients: Clients) -> float:
    """Check that the stack can be rolled back, and store the affected resources.

    Return the seconds until the next step. Raise AwsNotFound if the stack no longer exists.
    """
    stack_id = deployment.environment.stack_id
    stack = clients.cloudformation.describe_stack(stack_id)
    if stack.status == DELETED:
        raise AwsNotFound("NoStack", "The stack is deleted.", "cloudformation:DescribeStacks")
    if not is_final(stack.status):
        return BUSY
    refuse("NothingToRollBack", refusal(stack.status, Operation.ROLL_BACK, stack.deployment_mode))
    if deployment.kind == Kind.ROLLBACK_CREATION:
        resources = stack_rows.seed_from_stack(deployment, stack_id, clients.cloudformation)
    else:
        touched = _touched(deployment)
        resources = stack_rows.seed_from_failure(deployment, stack_id, clients.cloudformation, touched)
    event_log.add(deployment, "kept.found", resources=resources)
    event_log.begin_phase(deployment, State.STACKS, stack_id=stack_id)
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


def start_rollback(deployment: Deployment, clients: Clients, root: StackView, *, was_started: bool) -> bool:
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


def check_continuation(deployment: Deployment, clients: Clients) -> float:
    """Check that the rollback can continue without the skipped resources, and store what will be retried.

    Raise UserFixable if it cannot; nothing has been changed then.
    """
    try:
        root = clients.cloudformation.describe_stack(deployment.environment.stack_id)
    except AwsNotFound:
        raise UserFixable("StackMissing", Code.STACK_GONE) from None
    refuse("NotContinuable", refusal(root.status, Operation.CONTINUE))
    now_stuck = read(root, clients.cloudformation)
    wanted = skipped_of(deployment)
    known = {one.skip_name for one in now_stuck}
    if others := sorted(one.key for one in wanted if one.skip_name not in known):
        raise UserFixable("SkipListChanged", Code.SKIP_LIST_CHANGED, resources=", ".join(others))
    stack_rows.seed_from_rollback(deployment, root.stack_id, now_stuck, clients.cloudformation)
    with transaction.atomic():
        seen = {"status": root.status, "updated": root.updated}
        event_log.add(deployment, "rollback.found", stuck=len(now_stuck), skipped=len(wanted))
        event_log.begin_phase(deployment, State.STACKS, stack_id=root.stack_id, preview_stack=seen)
    return 0.0


def skipped_of(deployment: Deployment) -> list[StuckResource]:
    """Return the resources that a continued rollback skips."""
    stored: Iterable[dict[str, str]] = deployment.options.get("skip", ())
    return [StuckResource.from_json(one) for one in stored]


def continue_if_needed(
    deployment: Deployment, clients: Clients, root: StackView, *, was_started: bool
) -> bool:
    """Continue the rollback unless it was continued before. Return whether this call continued it.

    A second call with the same token has no effect.
    """
    if was_started:
        return False
    if root.status == ROLLBACK_FAILED:
        deployment.confirm_claim()
        with suppress(AwsAlreadyDone):  # by a step whose response was lost
            clients.cloudformation.continue_update_rollback(
                root.stack_id,
                str(deployment.token),
                [one.skip_name for one in skipped_of(deployment)],
                deployment.environment.account.stack_role_arn,
            )
    event_log.add(deployment, "rollback.started", stack_name=root.name)
    return root.status == ROLLBACK_FAILED


def read(root: StackView, cloudformation: CloudFormation) -> tuple[StuckResource, ...]:
    """Return the stuck resources of a root stack and its nested stacks; none in a status without any."""
    return stuck_in(tree(root, cloudformation))


def tree(root: StackView, cloudformation: CloudFormation) -> list[ListedStack]:
    """Return the root stack and the nested stacks that failed with it, with their resources."""
    found: list[ListedStack] = []
    waiting = [("", root)] if root.status in STUCK else []
    while waiting:
        path, stack = waiting.pop()
        listed = _listed(path, stack, cloudformation)
        found.append(listed)
        if path.count("/") >= MAX_DEPTH:
            continue
        for one in listed.resources:
            if one.type != STACK_TYPE or not one.physical_id or not one.status.endswith("_FAILED"):
                continue
            with suppress(AwsNotFound):
                nested = cloudformation.describe_stack(one.physical_id)
                waiting.append((f"{path}/{one.logical_id}".lstrip("/"), nested))
    return found


def _listed(path: str, stack: StackView, cloudformation: CloudFormation) -> ListedStack:
    is_rollback = stack.status == ROLLBACK_FAILED
    return ListedStack(
        path=path,
        name=stack.name,
        stack_id=stack.stack_id,
        status=stack.status,
        resources=tuple(
            ListedResource(
                logical_id=row.logical_id,
                physical_id=row.physical_id,
                type=row.type,
                status=row.status,
                reason=row.reason,
            )
            for row in cloudformation.list_resources(stack.stack_id)
        ),
        failed_in_rollback=cloudformation.failed_in_rollback(stack.stack_id) if is_rollback else frozenset(),
    )
