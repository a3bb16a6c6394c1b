"""Read from CloudFormation the resources on which a rollback or a deletion got stuck."""

from __future__ import annotations

from contextlib import suppress

from deployments.aws.cloudformation import CloudFormation, StackView
from deployments.cloudformation.stuck_resources import (
    ROLLBACK_FAILED,
    STUCK,
    ListedResource,
    ListedStack,
    StuckResource,
    stuck_in,
)
from deployments.common.errors import AwsNotFound
from deployments.stacks.models.stacks import STACK_TYPE
from deployments.stacks.shared.stack_rows import MAX_DEPTH


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
