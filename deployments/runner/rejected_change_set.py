"""The error of a change set that CloudFormation rejected: its reason, and the nested stack it is about."""

from __future__ import annotations

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.core.rejected_change_sets import (
    MAX_DEPTH,
    NESTED,
    NestedStack,
    logical_path,
    nested_stack_at,
    rejected_stack,
)
from deployments.errors import AwsRejected, UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment
from deployments.runner import template_sets

CODE = "ChangeSetFailed"


def rejection(deployment: Deployment, change_set: ChangeSet, cloudformation: CloudFormation) -> UserFixable:
    """Return the error for ending a deployment whose change set failed.

    Read the reason from the nested change set that CloudFormation refers to. If it refers to none, find the
    nested stack that fits the reason in the template set.
    """
    names, failed = followed(change_set, cloudformation)
    template_set = template_sets.uploaded(deployment)
    templates, root = template_set.contents, template_set.root.name
    if len(names) > 1:
        stack: NestedStack | None = nested_stack_at(
            templates, root, deployment.parameters, logical_path(names)
        )
    else:
        of_portal = (
            template_set.bucket_parameter,
            template_set.prefix_parameter,
            template_set.boundary_parameter,
        )
        filled = set(of_portal) - {""}
        known = dict.fromkeys(filled, "") | deployment.parameters
        stack = rejected_stack(templates, root, known, failed.reason)
    if stack is None:
        return UserFixable(CODE, Code.CHANGE_SET_REJECTED, reason=failed.reason)
    where = stack.path.replace("/", " ▸ ")
    return UserFixable(
        CODE, Code.CHANGE_SET_REJECTED_IN, reason=failed.reason, where=where, file=stack.file or "?"
    )


def followed(change_set: ChangeSet, cloudformation: CloudFormation) -> tuple[tuple[str, ...], ChangeSet]:
    """Return the stack names from the root to the change set with the reason, and that change set."""
    names = [_stack_name(change_set)]
    for _ in range(MAX_DEPTH):
        pointer = NESTED.search(change_set.reason)
        if pointer is None:
            break
        try:
            change_set = cloudformation.describe_change_set(pointer["arn"].rstrip(".:"))
        except AwsRejected:  # it is gone: only the reference is left
            break
        names.append(_stack_name(change_set))
    return tuple(names), change_set


def _stack_name(change_set: ChangeSet) -> str:
    """Return the name in a StackId, arn:aws:cloudformation:region:account:stack/name/uuid."""
    return [*change_set.stack_id.split("/"), ""][1]
