"""The error of a change set that CloudFormation rejected: its reason, and the nested stack it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import NoReturn

from django.utils import timezone

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.aws.validation_events import ValidationFinding
from deployments.changes.steps import validation
from deployments.cloudformation.rejected_change_sets import (
    MAX_DEPTH,
    NESTED,
    NestedStack,
    logical_path,
    nested_stack_at,
    rejected_stack,
)
from deployments.cloudformation.validation import place
from deployments.common.errors import AwsRejected, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import change_sets
from deployments.template_sets.models import stored_sets

CODE = "ChangeSetFailed"
SOON = 1.0
LONGEST = timedelta(minutes=10)
"""How long after its begin the phase waits for nested change sets of a failed one: AWS names no limit."""
NAMED = 5
"""How many findings an error names; CloudFormation's events have the others."""


def end_rejected(deployment: Deployment, change_set: ChangeSet, cloudformation: CloudFormation) -> float:
    """Raise the UserFixable that ends a deployment whose change set failed.

    Return the seconds until the next look while nested change sets are still being created: the root's fails
    with the first of them, and the others may have findings, too.
    """
    names, failed = followed(change_set, cloudformation)
    tree = change_sets.read(change_set, cloudformation, may_be_gone=True) | {logical_path(names): failed}
    may_wait = timezone.now() < deployment.phase_at + LONGEST
    if may_wait and any(one.is_pending for one in tree.values()):
        return SOON
    found = validation.findings(deployment, tree, cloudformation)
    if errors := [(path, one) for path, one in found if not one.is_warning]:
        _raise_findings(errors)
    raise _rejection(deployment, names, failed)


def _raise_findings(errors: list[tuple[str, ValidationFinding]]) -> NoReturn:
    named = "; ".join(_sentences(errors[:NAMED]))
    if (more := len(errors) - NAMED) > 0:
        raise UserFixable(CODE, Code.VALIDATION_FAILED_MORE, findings=named, more=more)
    raise UserFixable(CODE, Code.VALIDATION_FAILED, findings=named)


def _sentences(errors: Iterable[tuple[str, ValidationFinding]]) -> Iterator[str]:
    for path, one in errors:
        yield f"{place(path, one.property_path)}: {one.reason} ({one.check})"


def _rejection(deployment: Deployment, names: tuple[str, ...], failed: ChangeSet) -> UserFixable:
    """Return the error with CloudFormation's reason, which is that of the change set that it refers to.

    If it refers to none, find the nested stack that fits the reason in the template set.
    """
    template_set = stored_sets.uploaded(deployment)
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
