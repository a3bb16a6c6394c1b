"""The end of a deployment: change its state, its environment's row and the last event together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from deployments.cloudformation.remaining import SearchState
from deployments.cloudformation.status import DELETED
from deployments.common.errors import Message
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import FIRST_LOOK_DELAY
from deployments.environments.rules.outcome import WITHOUT_STACK
from deployments.environments.rules.phases import DELETING, Kind, State
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.shared import event_log, forecast, redactors, skipped
from deployments.template_sets.shared import versions

AtEnd = Callable[[Deployment, State, datetime], None]
_AT_END: list[AtEnd] = []


def also(*calls: AtEnd) -> None:
    """Let each deployment that ends call these, in this order, in the transaction of its end."""
    _AT_END.extend(calls)


def finalize(
    deployment: Deployment,
    state: State,
    status: str,
    outputs: dict[str, str],
    code: str = "",
    message: Message | None = None,
    **more: Any,
) -> None:
    """End the deployment. `status` is the root stack's; `more` are additional fields of the row.

    `code` and `message` explain a failure; a success has neither. The NoEcho values are deleted; their
    fingerprints are kept as long as something may print the values.
    """
    now = timezone.now()
    stored = message.as_json() if message else {}
    reason = message.params.get("reason", "") if message else ""  # CloudFormation's own text
    gone = status == DELETED or code in WITHOUT_STACK
    fingerprints = redactors.fingerprints_after(deployment)
    with transaction.atomic():
        deployment.move_to(state, error_code=code, error_sentence=stored, **more)
        forecast.learn(deployment)
        values: dict[str, object] = {"stack_status": status, "status_reason": reason, "observed_at": now}
        values |= {"known_stack": {}, "changed_outside_at": None, "stuck": {}}
        values |= skipped.after(deployment, state) | versions.pinned(deployment, state)
        if _is_deleted(Kind(deployment.kind), state, status):
            values |= {"deleted_at": now, "live_key": None, "due_at": None, "secret_fingerprints": ""}
        elif gone:
            values |= {"stack_id": "", "stack_status": "", "outputs": {}, "due_at": None}
            values |= {"secret_fingerprints": "", "missing_since": None, "missing_code": ""}
        else:
            # At once: what changes the stack from now on is not Sanso's.
            values |= {"outputs": outputs, "due_at": now + timedelta(seconds=FIRST_LOOK_DELAY)}
            values |= {"secret_fingerprints": fingerprints}
        Environment.objects.filter(pk=deployment.environment_id).update(**values)
        canceled = {"canceled": deployment.kind} if deployment.was_canceled else {}
        event_log.add(deployment, "ended", state=str(state), code=code, message=stored, **canceled)
        if deployment.kind in DELETING or _is_unfinished(deployment, state, status):
            request_search(deployment)
        Deployment.objects.open_changes().of(deployment.environment).update(due_at=now)
        for call in _AT_END:
            call(deployment, state, now)


def _is_deleted(kind: Kind, state: State, status: str) -> bool:
    """Return whether the environment no longer exists: deleted, or its creation canceled in time."""
    if kind is Kind.CREATE:
        return state is State.CANCELED and not _stays(state, status)
    return kind is Kind.DELETE and state is State.SUCCEEDED


def _is_unfinished(deployment: Deployment, state: State, status: str) -> bool:
    """Return whether a creation has ended early and may have left something in AWS."""
    if not deployment.creates or state is State.SUCCEEDED or _stays(state, status):
        return False
    others = Deployment.objects.of(deployment.environment).exclude(pk=deployment.pk)
    return not deployment.is_never_begun or others.exists()


def _stays(state: State, status: str) -> bool:
    """Return whether a deployment was canceled when its stacks were complete: nothing was deleted."""
    return state is State.CANCELED and status not in ("", DELETED)


PENDING: dict[str, Any] = {"search": str(SearchState.PENDING)}
"""The value of a deployment until its search has ended."""


def request_search(deployment: Deployment, user: User | None = None) -> None:
    """Make the search due, unless one is in progress. Keep an earlier one's results until it ends.

    `user` requested it; without one, it follows the deployment.
    """
    deployment.remaining = deployment.remaining | PENDING
    Deployment.objects.filter(pk=deployment.pk).update(remaining=deployment.remaining)
    ActionRequest.objects.get_or_create(
        active_key=f"{deployment.environment_id}:search_remaining:{deployment.pk}",
        defaults={
            "environment_id": deployment.environment_id,
            "kind": "search_remaining",
            "asked_by_id": user.pk if user else deployment.requested_by_id,
            "arguments": {"deployment": deployment.pk},
            "due_at": timezone.now(),
        },
    )
