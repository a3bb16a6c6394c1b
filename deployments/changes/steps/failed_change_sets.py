"""Change sets that CloudFormation rejects or warns about: findings, the error, another one without nested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from django.utils import timezone

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.aws.validation_events import ValidationFinding
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.nested_templates import TemplateStack, stacks_of
from deployments.cloudformation.rejected_change_sets import (
    MAX_DEPTH,
    NESTED,
    NestedStack,
    is_of_nesting,
    logical_path,
    nested_stack_at,
    rejected_stack,
)
from deployments.cloudformation.validation import UNREAD, WARNING, place
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRejected, AwsRetryable, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import change_sets, event_log
from deployments.template_sets.models import stored_sets

Findings = dict[tuple[str, ValidationFinding], None]
"""Findings with the path of their resource below the root stack, each once, in AWS's order."""


def findings(
    deployment: Deployment, tree: Mapping[str, ChangeSet], cloudformation: CloudFormation
) -> Findings:
    """Return what was found in change sets, given by the path of their stack.

    If it cannot be read, the deployment goes on, since CloudFormation itself refuses what its checks fail:
    the role may lack the right, a partition the API. An event says why.
    """
    found: Findings = {}
    for stack, change_set in tree.items():
        try:
            own = cloudformation.validation_findings(change_set.change_set_id)
        except AwsNotFound:  # deleted meanwhile
            continue
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            event_log.add(deployment, UNREAD, action=exc.operation, aws=exc.message)
            break
        found |= {(f"{stack}/{one.logical_id}".lstrip("/"), one): None for one in own}
    return found


def report_warnings(
    deployment: Deployment, tree: Mapping[str, ChangeSet], cloudformation: CloudFormation
) -> None:
    """Write an event for each warning about change sets that were created."""
    for path, one in findings(deployment, tree, cloudformation):
        text = "\n".join((str(deployment.revision), path, one.check, one.property_path, one.reason))
        event_log.add(
            deployment,
            WARNING,
            key=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            revision=deployment.revision,
            path=path,
            place=place(path, one.property_path),
            type=one.type,
            check=one.check,
            property_path=one.property_path,
            reason=one.reason,
        )


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
    found = findings(deployment, tree, cloudformation)
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


def fall_back(deployment: Deployment, change_set: ChangeSet, cloudformation: CloudFormation) -> bool:
    """Request a failed change set again without nested ones, if that can help. Return whether it can.

    The step that creates the new one also deletes the failed one, so that it is repeated if it dies in
    between.
    """
    if deployment.is_root_only:
        return False
    names, failed = followed(change_set, cloudformation)
    if not is_of_nesting(failed.reason, logical_path(names), planned(deployment)):
        return False
    event_log.add(deployment, "change_set.root_only", key=str(deployment.revision), reason=failed.reason)
    changes = Changes(root_only=True, root_only_reason=failed.reason)
    deployment.record(change_set_id="", changes=changes.to_json())
    return True


def delete_refused(deployment: Deployment, stack: str, cloudformation: CloudFormation) -> None:
    """Delete the change set with nested ones that CloudFormation rejected, if this deployment had one."""
    if deployment.is_root_only:
        with suppress(AwsNotFound):
            cloudformation.delete_change_set(deployment.change_set_name_of(deployment.revision), stack)


def planned(deployment: Deployment) -> dict[str, TemplateStack]:
    """Return the stacks of the deployment's template set with their parameter values, by path."""
    template_set = stored_sets.uploaded(deployment)
    names = {template_set.bucket_parameter, template_set.prefix_parameter} - {""}
    before: dict[str, str] = deployment.environment.parameters
    values = before | dict.fromkeys(names, "") | deployment.parameters | deployment.images
    return stacks_of(template_set.side(values))
