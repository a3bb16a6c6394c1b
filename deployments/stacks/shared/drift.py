"""What AWS has of a stack besides the last good deployment: changes from outside, and of a failed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployments.aws.cloudformation import CloudFormation, StackView
from deployments.cloudformation import drift
from deployments.cloudformation.conditions import TemplateValues
from deployments.cloudformation.drift import FoundState, FoundValue, found_values
from deployments.cloudformation.nested_templates import nested_in
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.stacks import STACK_TYPE, Stack
from deployments.stacks.shared.change_sets import filled
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.rules.local_diff import file_changes

MASKED = "****"
"""What CloudFormation returns instead of a NoEcho value."""


def is_changed(environment: Environment, stack: StackView) -> bool:
    """Return whether a stack was changed outside of Sanso since Sanso's last operation.

    The first observation after an operation sets the known state; an operation in progress then is not
    Sanso's, nor is an update that began after that operation.
    """
    seen = {"status": stack.status, "updated": stack.updated}
    known = environment.known_stack
    if ActionRequest.objects.active().of_kind("protect").filter(environment=environment).exists():
        return False  # deletion protection is switched on by an update
    return drift.is_changed(known, seen) or (not known and _was_updated(environment, seen))


def _was_updated(environment: Environment, seen: Mapping[str, str]) -> bool:
    """Return whether an update that is not Sanso's began before the first observation.

    Not if Sanso has updated the stack for its protection, which is not in the rows of the stack.
    """
    latest = environment.latest
    protections = ActionRequest.objects.of_kind("protect").filter(environment=environment)
    if latest is None or latest.protects or protections.exists():
        return False
    root = Stack.objects.of(latest).filter(path="").first()
    return root is not None and drift.is_updated_after(seen, root.changes)


def state_before(
    deployment: Deployment, template_set: template_files.TemplateSet, cloudformation: CloudFormation
) -> FoundState:
    """Return what a change finds in AWS that the last good deployment had not; nothing for a retry.

    The templates are read only if the stack was changed since then, by Sanso or outside. A set of them is
    stored for the comparison.
    """
    base, environment = deployment.base, deployment.environment
    if base is None or deployment.is_retry:
        return FoundState()
    stack = cloudformation.describe_stack(environment.stack_id)
    before = stored_sets.find(base.template_digest)
    latest = environment.latest or base
    values = _values(deployment, before, template_set, stack)
    is_outside = environment.changed_outside_at is not None or is_changed(environment, stack)
    if not (values or is_outside or latest.template_digest != base.template_digest):
        return FoundState()
    now = _current(before, stack, cloudformation)
    if before is None or now is None:
        return FoundState(values=values, template_digest=None, is_outside=is_outside)
    if now.digest == before.digest:
        return FoundState(values=values, is_outside=is_outside)
    now = stored_sets.keep(now)
    if now.digest == latest.template_digest:
        return FoundState(values=values, template_digest=now.digest)
    undone = _undone(before, now, template_set)
    return FoundState(values=values, template_digest=now.digest, undone=undone, is_outside=True)


def _undone(
    before: template_files.TemplateSet, now: template_files.TemplateSet, after: template_files.TemplateSet
) -> tuple[str, ...]:
    """Return the templates that were changed outside and that the change replaces."""
    found, wanted = _texts_of(now), _texts_of(after)
    changed = [one.name for one in file_changes(_texts_of(before), found)]
    return tuple(name for name in changed if wanted.get(name) != found.get(name))


def _values(
    deployment: Deployment,
    before: template_files.TemplateSet | None,
    template_set: template_files.TemplateSet,
    stack: StackView,
) -> tuple[FoundValue, ...]:
    """Return the values that differ; not NoEcho values, and not what Sanso sets between deployments."""
    base, latest = deployment.base, deployment.environment.latest or deployment.base
    compared = _compared(deployment, [one for one in (before, template_set) if one])
    return found_values(
        (before.defaults if before else {}) | (base.images | base.parameters if base else {}),
        {name: value for name, value in stack.parameters.items() if name in compared and MASKED not in value},
        stack.parameters | deployment.parameters | filled(deployment, template_set),
        latest=latest.images | latest.parameters if latest else {},
    )


def _compared(deployment: Deployment, sets: Sequence[template_files.TemplateSet]) -> set[str]:
    compared = {name for one in sets for name in (*one.parameters, *one.images)}
    compared -= {name for one in sets for name, found in one.parameters.items() if found.no_echo}
    return compared - {deployment.protection_parameter, *(one.protection_parameter for one in sets)}


def _current(
    before: template_files.TemplateSet | None, stack: StackView, cloudformation: CloudFormation
) -> template_files.TemplateSet | None:
    try:
        return current_set(before, stack, cloudformation) if before else None
    except UserFixable:
        return None


def _texts_of(template_set: template_files.TemplateSet) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in template_set.templates}


def current_set(
    before: template_files.TemplateSet, stack: StackView, cloudformation: CloudFormation
) -> template_files.TemplateSet:
    """Return the set with the current templates of the stack and its nested stacks.

    Raise UserFixable if they are no valid template set.
    """
    texts = dict(_texts(before, before.root.name, stack.stack_id, cloudformation))
    return template_files.with_templates(before, texts)


def _texts(
    known: template_files.TemplateSet, file: str, stack_id: str, cloudformation: CloudFormation
) -> Iterator[tuple[str, str]]:
    """Yield the text of each template by its file in the set; the files are those of the known templates."""
    yield file, cloudformation.template_body(stack_id)
    content = known.contents[file]
    nested = {
        one.stack: one.found_in(known.contents) for one in nested_in(content, TemplateValues(content, {}))
    }
    for row in cloudformation.list_resources(stack_id):
        if row.type == STACK_TYPE and row.physical_id and nested.get(row.logical_id):
            yield from _texts(known, nested[row.logical_id], row.physical_id, cloudformation)
