"""The step that takes over a stack that was changed outside of Sanso: changes start from its state now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import CloudFormation, StackView
from deployments.aws.session import Clients
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import AwsNotFound, UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models import waiting
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import OBSERVE_DELAY
from deployments.environments.rules.phases import State
from deployments.failures.shared import notices
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.shared import drift, event_log, stack_rows
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import TemplateVersion


def adopt_drift(deployment: Deployment, clients: Clients) -> None:
    """Store the templates, the parameters and the resources of the stack, and end the deployment.

    Raise UserFixable if the stack's status allows no change, or its templates cannot be deployed as a set.
    """
    environment = deployment.environment
    try:
        stack = clients.cloudformation.describe_stack(environment.stack_id)
    except AwsNotFound:
        raise UserFixable("StackMissing", Code.STACK_GONE) from None
    refuse("NotTakenOver", refusal(stack.status, Operation.CHANGE))
    base = deployment.base
    before = stored_sets.find(base.template_digest) if base else None
    template_set = _as_deployed(before, stack, clients.cloudformation) if before else None
    values = _values(template_set, stack, environment)
    stack_rows.seed_existing(deployment, stack.stack_id, clients.cloudformation)
    _set_statuses(deployment, stack)
    version = None
    if template_set is not None:
        template_set = stored_sets.keep(template_set)
        values |= {"template_digest": template_set.digest}
        version = TemplateVersion.objects.with_digest(template_set.digest)
    seen = {"status": stack.status, "updated": stack.updated}
    due = timezone.now() + timedelta(seconds=OBSERVE_DELAY)
    with transaction.atomic():
        deployment.move_to(State.SUCCEEDED, stack_id=stack.stack_id, template_version=version, **values)
        Environment.objects.filter(pk=environment.pk).update(
            latest=deployment,
            template_version=version,
            parameters=values["parameters"],
            outputs=dict(stack.outputs),
            stack_status=stack.status,
            status_reason=stack.reason,
            known_stack=seen,
            changed_outside_at=None,
            due_at=due,
        )
        is_same = before is not None and template_set is not None and template_set.digest == before.digest
        event_log.add(deployment, "take_over.done", same_templates=is_same, with_set=template_set is not None)
        event_log.add(deployment, "ended", state="succeeded", code="", message={})
        notices.deployment_ended(deployment, timezone.now())
    waiting.wake(environment.pk)


def _values(
    template_set: template_files.TemplateSet | None, stack: StackView, environment: Environment
) -> dict[str, object]:
    """Return the columns of the deployment that come from the stack; AWS does not return NoEcho values."""
    if template_set is None:
        known: Mapping[str, str] = environment.parameters
        parameters = {name: stack.parameters.get(name, value) for name, value in known.items()}
        return {"parameters": parameters}
    declared = template_set.parameters
    return {
        "parameters": {
            name: value
            for name, value in stack.parameters.items()
            if name in declared and not declared[name].no_echo
        },
        "images": {name: stack.parameters[name] for name in template_set.images if name in stack.parameters},
        "artifact_bucket": stack.parameters.get(template_set.bucket_parameter, ""),
        "artifact_prefix": stack.parameters.get(template_set.prefix_parameter, "").strip("/"),
        "protection_parameter": template_set.protection_parameter,
    }


def _as_deployed(
    before: template_files.TemplateSet, stack: StackView, cloudformation: CloudFormation
) -> template_files.TemplateSet:
    """Return the set with the current templates of the stack, of which none is missing."""
    try:
        found = drift.current_set(before, stack, cloudformation)
        missing = found.missing_templates(stack.parameters)
    except UserFixable as exc:
        raise UserFixable("NotTakenOver", exc.message.code, **exc.message.params) from exc
    if missing:
        raise UserFixable("NotTakenOver", Code.TAKEN_OVER_TEMPLATES_MISSING, files=", ".join(missing))
    return found


def _set_statuses(deployment: Deployment, root: StackView) -> None:
    """Set the statuses of the stacks' rows: those of nested stacks come from the parent stack."""
    Stack.objects.filter(deployment=deployment, path="").update(status=root.status, settled=True)
    for row in Resource.objects.filter(stack__deployment=deployment, type=STACK_TYPE).select_related("stack"):
        path = f"{row.stack.path}/{row.logical_id}".lstrip("/")
        Stack.objects.filter(deployment=deployment, path=path).update(status=row.status, settled=True)
