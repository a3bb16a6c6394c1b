"""Requests that lead out of a failure: roll back, continue a rollback, adopt drift, dismiss the failure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, CommandRequest, busy, refuse_deleted, requesting
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.models.rollback_state import returns_to
from deployments.environments.rules.phases import Kind
from deployments.stacks.commands.change_base import base_of
from deployments.stacks.commands.sent_again import SentAgain
from deployments.stacks.shared import event_log


def held(environment: Environment) -> Environment:
    """Return the locked row of an environment. Raise UserFixable if it is deleted or being changed."""
    rows = Environment.objects.select_for_update().select_related("latest")
    row = rows.get(pk=environment.pk)
    refuse_deleted(row)
    if row.missing_since:
        raise UserFixable("StackMissing", Code.STACK_GONE)
    if row.active_deployment or Deployment.objects.filter(active_key=row.pk).exists():
        raise busy(row)
    return row


def chosen_of(environment: Environment, paths: Collection[str]) -> list[StuckResource]:
    """Return the chosen ones of the stuck resources. Raise UserFixable for any other."""
    known = {one.key: one for one in environment.stuck_resources or ()}
    if set(paths) - known.keys():
        raise UserFixable("NotStuck", Code.NOT_STUCK, "resources")
    return [known[path] for path in sorted(set(paths))]


def begin(
    sent: SentAgain,
    environment: Environment,
    kind: Kind,
    *,
    is_latest: bool = True,
    event: Mapping[str, Any] | None = None,
    **values: Any,
) -> Deployment:
    """Create the deployment that is active in the environment from now on, and is due.

    `event` has additional values of its first event, `values` those of its row.
    """
    request = sent.request
    deployment = Deployment.objects.create(
        environment=environment,
        kind=kind.value,
        requested_by=request.user,
        reason=request.reason,
        **sent.columns,
        active_key=environment.pk,
        parameters=environment.parameters,
        due_at=timezone.now(),
        **values,
    )
    request.deployment = deployment
    if is_latest:
        Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    event_log.add(
        deployment,
        "requested",
        kind=deployment.operation or deployment.kind,
        user=request.user.get_username(),
        reason=request.reason,
        **(event or {}),
    )
    return deployment


def request_stack_rollback(
    *, user: User, environment: Environment, reason: str, request_key: UUID
) -> Deployment:
    """Request the rollback of a stack that was kept after a failure, and return its deployment.

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if no
    failure was kept, or another deployment is changing the environment.
    """
    request = CommandRequest(
        user=user, action="roll_back", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.ROLLBACK_UPDATE, Kind.ROLLBACK_CREATION])

    def begun() -> Deployment:
        row = held(environment)
        refuse("NothingToRollBack", refusal(row.stack_status, Operation.ROLL_BACK, row.deployment_mode))
        back_to, failed = returns_to(row), Deployment.objects.attempts_of(row).first()
        request.before = {"stack_status": row.stack_status}
        request.after = {"returns_to": back_to.pk if back_to else "an empty stack"}
        return begin(
            sent,
            row,
            Kind.ROLLBACK_UPDATE if back_to else Kind.ROLLBACK_CREATION,
            event={"failed": failed.pk if failed else 0},
            template_digest=back_to.template_digest if back_to else "",
            base=failed,
            rolls_back_to=back_to,
        )

    return sent.once(environment, begun)


def request_continue(
    *, user: User, environment: Environment, skip: Collection[str], reason: str, request_key: UUID
) -> Deployment:
    """Request the continuation of a failed rollback without the resources `skip` (paths below the root).

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if
    a resource was chosen that has not failed, or the stack is in another status.
    """
    request = CommandRequest(
        user=user, action="continue_rollback", permission=CHANGE, reason=reason, environment=environment
    )
    request.details["skip"] = sorted(skip)
    sent = SentAgain(request, request_key, [Kind.ROLLBACK], skip=sorted(skip))

    def begun() -> Deployment:
        row = held(environment)
        refuse("NotContinuable", refusal(row.stack_status, Operation.CONTINUE))
        chosen = chosen_of(row, skip)
        request.before = {"stack_status": row.stack_status}
        request.after = {"skipped": [one.key for one in chosen]}
        return begin(
            sent,
            row,
            Kind.ROLLBACK,
            operation="continue",
            options={"skip": [one.as_json() for one in chosen]} if chosen else {},
        )

    return sent.once(environment, begun)


def request_adoption(*, user: User, environment: Environment, reason: str, request_key: UUID) -> Deployment:
    """Request that changes start from the current state of a stack that was changed outside of Sanso.

    Nothing changes in AWS. A second call with the same `request_key` returns the deployment of the first.
    """
    request = CommandRequest(
        user=user, action="take_over", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.UPDATE])

    def begun() -> Deployment:
        row = held(environment)
        if row.changed_outside_at is None:
            raise UserFixable("NotChangedOutside", Code.NOT_CHANGED_OUTSIDE)
        refuse("NotTakenOver", refusal(row.stack_status, Operation.CHANGE))
        request.details["changed_at"] = row.changed_outside_at.isoformat()
        request.before, request.after = {"stack": "changed outside"}, {"stack": "taken over"}
        return begin(
            sent,
            row,
            Kind.UPDATE,
            operation="take_over",
            base=base_of(row),
            is_latest=False,
        )

    return sent.once(environment, begun)


def dismiss_failure(*, user: User, deployment: Deployment) -> None:
    """Dismiss the failure of a change that is the latest of its environment; a newer one is shown again.

    Dismissed again, it stays as it was. Raise UserFixable if it did not fail, or is not the latest any more.
    """
    environment = deployment.environment
    request = CommandRequest(
        user=user,
        action="dismiss_failure",
        permission=CHANGE,
        environment=environment,
        deployment=deployment,
    )
    with requesting(request):
        row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
        failed = Deployment.objects.last_failure_of(row)
        if failed is None or failed.pk != deployment.pk or not failed.is_failed_change:
            raise UserFixable("NothingToDismiss", Code.NOTHING_TO_DISMISS)
        if failed.dismissed_at is not None:
            request.repeats = True
            return
        before = [failed.pk]
        if row.latest is not None and row.latest.is_failed_change:  # before a preview that failed
            before.append(row.latest.pk)
        rows = Deployment.objects.filter(pk__in=before, dismissed_at=None)
        rows.update(dismissed_by=user.get_username(), dismissed_at=timezone.now())
        request.changes({"dismissed_by": ""}, {"dismissed_by": user.get_username()})
