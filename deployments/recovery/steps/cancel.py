"""Cancellation of a deployment: CloudFormation accepts it, or it is refused because it came too late."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.cloudformation.status import is_of_deletion, is_rollback
from deployments.common.errors import (
    AwsAccessError,
    AwsAlreadyDone,
    AwsFailure,
    AwsNotFound,
    AwsRejected,
    Message,
)
from deployments.common.message_codes import Code
from deployments.common.rules.aws_error_codes import denied_action
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect, cancel_effect, refusal_of_request
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models.stacks import Stack
from deployments.stacks.shared import event_log, finalize, preflight

CANCEL_UPDATE, DELETE_STACK = "cloudformation:CancelUpdateStack", "cloudformation:DeleteStack"
_BY_A_PERSON = "User Initiated"
"""CloudFormation's reason for a rollback that was requested, not caused by a failure."""


def token_of(deployment: Deployment) -> str:
    """Return the client token of the call that stops the deployment's stack operation."""
    return f"cancel-{deployment.token}"


def end_creation(deployment: Deployment, clients: Clients) -> None:
    """End a creation before its stacks: delete the empty stack that its change set may have created."""
    action = ""
    if deployment.state == State.CHANGE_SET:
        action = DELETE_STACK
        with suppress(AwsNotFound):
            preflight.delete_unexecuted(deployment, clients)
    with transaction.atomic():
        accept(deployment, "", action)
        finalize.finalize(deployment, State.CANCELED, "", {})


def stop_waiting(deployment: Deployment) -> bool:
    """End a deployment whose stacks are complete; the environment stays as it is.

    Return False if another cancellation was requested: the deployment has moved on since.
    """
    environment = Environment.objects.get(pk=deployment.environment_id)
    status, outputs = environment.stack_status, dict(environment.outputs)
    if deployment.cancel_code != cancel_effect(Kind(deployment.kind), State(deployment.state), ""):
        was_waiting = deployment.cancel_code == CancelEffect.STOP_WAITING
        late = Message(Code.CANCEL_TOO_LATE, {"status": status})
        refuse(deployment, Message(Code.CANCEL_EFFECT_CHANGED) if was_waiting else late, status)
        return False
    with transaction.atomic():
        is_ready = deployment.state == State.PROTECT
        accept(deployment, status, "")
        if not is_ready:
            finalize.finalize(deployment, State.CANCELED, status, outputs)
            return True
        problem = Message(Code.PROTECTION_CANCELED).as_json()
        event_log.add(deployment, "protect.failed", message=problem)
        finalize.finalize(
            deployment,
            State.SUCCEEDED,
            status,
            outputs,
            protection="failed",
            protection_message=problem,
        )
    return True


def stop(deployment: Deployment, clients: Clients, root: StackView, *, has_begun: bool) -> None:
    """Request that CloudFormation stop the operation, or store why this is no longer possible.

    Without `has_begun`, an update has not begun yet: a later step cancels it.
    """
    status = root.status if has_begun else ""
    kind = Kind(deployment.kind)
    if deployment.cancel_code == CancelEffect.STOP_RELEASE:  # the release had ended: it was not this update
        refuse(deployment, Message(Code.CANCEL_EFFECT_CHANGED), status)
        return
    if kind is Kind.CREATE and is_of_deletion(status):  # requested by a step whose response was lost
        accept(deployment, status, DELETE_STACK)
        return
    if kind is Kind.UPDATE and is_rollback(status) and _was_requested(deployment, clients):
        accept(deployment, status, CANCEL_UPDATE)
        return
    effect = cancel_effect(kind, State.STACKS, status)
    if isinstance(effect, Message):
        refuse(deployment, refusal_of_request(effect), status)
    elif has_begun:
        _request(deployment, clients, effect, status)


def _request(deployment: Deployment, clients: Clients, effect: CancelEffect, status: str) -> None:
    is_deletion = effect is CancelEffect.DELETE
    deployment.confirm_claim()
    try:
        if is_deletion:
            role = deployment.environment.account.stack_role_arn
            clients.cloudformation.delete_stack(deployment.stack_id, token_of(deployment), role)
        else:
            clients.cloudformation.cancel_update(deployment.stack_id, token_of(deployment))
    except AwsAlreadyDone:
        return  # requested by a step whose response was lost: the next one sees the status
    except (AwsRejected, AwsAccessError) as exc:
        if clients.cloudformation.describe_stack(deployment.stack_id).status != status:
            return  # its status has changed since this step read it: the next step handles the new one
        refuse(deployment, _rejection(exc), status)
        return
    accept(deployment, status, DELETE_STACK if is_deletion else CANCEL_UPDATE)
    Stack.objects.of(deployment).filter(path="").update(hinted_at=timezone.now())  # poll it next


def _rejection(exc: AwsFailure) -> Message:
    action = denied_action(exc.code, exc.message, exc.operation)
    values = {"action": action, "aws": exc.message, "code": exc.code}
    return Message(Code.CANCEL_REJECTED, values, exc.request_id)


def _was_requested(deployment: Deployment, clients: Clients) -> bool:
    """Return whether a rollback of the root stack was requested: by this deployment, or by a person."""
    begun = deployment.bookmarks.get("", "")
    events = clients.cloudformation.events_after(deployment.stack_id, begun)
    turns = [e for e in events if e.is_of_the_stack and is_rollback(e.status)]
    token = token_of(deployment)
    return any(e.token == token or e.reason.startswith(_BY_A_PERSON) for e in turns)


def accept(deployment: Deployment, status: str, action: str) -> None:
    """Store that a cancellation was accepted, with the AWS call that it needed ("": none)."""
    with transaction.atomic():
        deployment.record(cancel_accepted_at=timezone.now())
        event_log.add(deployment, "cancel.accepted", key=_key(deployment), status=status, action=action)


def refuse(deployment: Deployment, why: Message, status: str) -> None:
    """Store why a cancellation is no longer possible; the deployment continues to its normal end."""
    stored = why.as_json()
    with transaction.atomic():
        deployment.record(cancel_refusal=stored, cancel_accepted_at=None, cancel_code="")
        event_log.add(deployment, "cancel.refused", key=_key(deployment), message=stored, status=status)


def _key(deployment: Deployment) -> str:
    requested = deployment.cancel_requested_at
    return requested.isoformat() if requested else ""
