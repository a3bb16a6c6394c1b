"""Deletion protection, switched on when an environment is ready: protected resources cannot be rolled back.

The root stack's termination protection comes first. Databases and load balancers follow by an update of the
stack that changes one parameter: with the previous template and all other values as they are.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from deployments.aws.cloudformation import CloudFormation, DeploymentConfig, ParameterUpdate, StackView
from deployments.aws.session import Clients
from deployments.cloudformation.operations import EXPRESS
from deployments.cloudformation.status import (
    DELETED,
    OperationKind,
    is_complete,
    is_failed,
    is_final,
    is_rollback,
    operation_of,
)
from deployments.common.errors import AwsAlreadyDone, AwsFailure, AwsNotFound, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.models.balancing import LoadBalancer
from deployments.health.rules.problems import problem_message
from deployments.stacks.models.action_requests import ActionFailed, ActionRequest, ContinueLater
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Stack
from deployments.stacks.shared import event_log, finalize
from deployments.steps import stack_poller

ON = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of the switch. `problem`: why it failed; `has_started`: the update was requested."""

    root: StackView
    has_started: bool
    has_ended: bool = False
    problem: Message | None = None


def wait(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    """Take one step of the phase. Return the seconds until the next one, None when the deployment has ended.

    The environment is ready in any case: after a failure, the deployment succeeds without protection.
    """
    started = Event.objects.filter(deployment=deployment, event_id="portal:protect.started").exists()
    try:
        progress = _advance(deployment, clients, f"protect-{deployment.token}", has_started=started)
    except AwsNotFound:
        stack_poller.finish_without_stack(deployment)
        return None
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        _finish(deployment, None, problem_message(exc))
        return None
    if progress.has_started and not started:
        event_log.add(deployment, "protect.started", parameter=deployment.protection_parameter)
    _mirror(deployment, progress.root)
    timings = deployment.environment.account.timings
    if not progress.has_ended:
        if now - deployment.phase_at >= timings.readiness_timeout:
            _finish(deployment, progress.root, Message(Code.PROTECTION_TIMED_OUT))
            return None
        return timings.readiness
    if progress.has_started and not stack_poller.caught_up(deployment, clients, progress.root, now):
        return timings.readiness
    _finish(deployment, progress.root, progress.problem)
    return None


def _finish(deployment: Deployment, root: StackView | None, problem: Message | None) -> None:
    environment = Environment.objects.get(pk=deployment.environment_id)
    with transaction.atomic():
        if problem:
            event_log.add(deployment, "protect.failed", message=problem.as_json())
        else:
            event_log.add(deployment, "protect.on")
            _observed_soon(environment)
        finalize.finalize(
            deployment,
            State.SUCCEEDED,
            root.status if root else environment.stack_status,
            dict(root.outputs) if root else dict(environment.outputs),
            protection="failed" if problem else "on",
            protection_message=problem.as_json() if problem else {},
        )


def protect_again(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Take one step of a request to switch protection on after it had failed.

    Raise ContinueLater while the update runs, ActionFailed when it failed again.
    """
    deployment = Deployment.objects.for_page().get(pk=int(str(row.arguments["deployment"])))
    started = bool(row.result.get("started"))
    try:
        progress = _advance(
            deployment, clients, f"protect-again-{row.pk}-{deployment.token}", has_started=started
        )
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        _keep(deployment, problem_message(exc))
        raise
    if progress.has_started and not started:
        row.result = row.result | {"started": True}
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(
            state="running", result=row.result
        )
    _mirror(deployment, progress.root)
    if not progress.has_ended:
        raise ContinueLater(deployment.environment.account.timings.readiness)
    _keep(deployment, progress.problem)
    if progress.problem:
        raise ActionFailed(progress.problem)
    _observed_soon(deployment.environment)
    return {"sentence": Message(Code.PROTECTION_ON).as_json()}


def _keep(deployment: Deployment, problem: Message | None) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(
        protection="failed" if problem else "on",
        protection_message=problem.as_json() if problem else {},
    )


def _advance(deployment: Deployment, clients: Clients, token: str, *, has_started: bool) -> Progress:
    """Take the next action for the stack's current state. Every call is safe to repeat."""
    cloudformation = clients.cloudformation
    root = cloudformation.describe_stack(deployment.stack_id)
    if root.status == DELETED:
        raise AwsNotFound("NoStack", "The stack is deleted.", "cloudformation:DescribeStacks")
    if not is_final(root.status):
        return Progress(root=root, has_started=has_started)
    if not root.termination_protection:
        deployment.confirm_claim()
        cloudformation.set_termination_protection(deployment.stack_id, on=True)
        Environment.objects.filter(pk=deployment.environment_id).update(termination_protection=True)
    name = deployment.protection_parameter
    is_healthy = is_complete(root.status) and not is_rollback(root.status)
    if name not in root.parameters or (root.parameters[name] == ON and is_healthy):
        # A killed step may have requested the update without storing it.
        is_update = operation_of(root.status) is OperationKind.UPDATE
        return Progress(root=root, has_started=has_started or is_update, has_ended=True)
    if has_started:
        failed = is_rollback(root.status) or is_failed(root.status)
        problem = _failure(deployment, root, cloudformation) if failed else None
        return Progress(root=root, has_started=True, has_ended=failed, problem=problem)
    changes = True
    deployment.confirm_claim()
    with suppress(AwsAlreadyDone):  # requested by a step whose response was lost
        changes = cloudformation.update_parameters(
            ParameterUpdate(
                stack_id=deployment.stack_id,
                token=token,
                changed={name: ON},
                kept=tuple(other for other in root.parameters if other != name),
                capabilities=tuple(settings.SANSO_CAPABILITIES),
                role_arn=deployment.environment.account.stack_role_arn,
                deployment_config=(
                    DeploymentConfig(EXPRESS, keeps_on_failure=False)
                    if root.deployment_mode == EXPRESS
                    else None
                ),
            )
        )
    return Progress(root=root, has_started=True, has_ended=not changes)


def _failure(deployment: Deployment, root: StackView, cloudformation: CloudFormation) -> Message:
    """Return the first resource that could not be updated, also within a nested stack."""
    stack = Stack.objects.filter(deployment=deployment, path="").first()
    where, reason, id_ = "", root.reason, deployment.stack_id
    while stack is not None:
        events = cloudformation.events_after(id_, stack.bookmark)
        failed = next((e for e in events if is_failed(e.status) and not e.is_of_the_stack), None)
        if failed is None:
            break
        where, reason = f"{where}/{failed.logical_id}".lstrip("/"), failed.reason
        is_stack = failed.type == STACK_TYPE
        stack = Stack.objects.filter(deployment=deployment, path=where).first() if is_stack else None
        id_ = failed.physical_id
    if not where:
        return Message(Code.AWS_REASON, {"reason": reason or root.status})
    return Message(Code.PROTECTION_FAILED, {"where": where, "reason": reason})


def _mirror(deployment: Deployment, root: StackView) -> None:
    Environment.objects.filter(pk=deployment.environment_id).update(stack_status=root.status)


def _observed_soon(environment: Environment) -> None:
    """Make the protection of the load balancers due to be read again soon."""
    LoadBalancer.objects.filter(environment=environment).update(protection_at=None)
