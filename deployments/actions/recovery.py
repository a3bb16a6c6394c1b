"""Request the recovery of a stuck stack: continue a rollback, delete again, or adopt outside changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from deployments.actions.change_base import base_of
from deployments.actions.delete import require_typed_name
from deployments.actions.request import CHANGE, DELETE, FORCE_DELETE, Request, busy, requesting
from deployments.actions.sent_again import SentAgain
from deployments.core.operations import Operation, refusal
from deployments.core.phases import Kind
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment
from deployments.models.approval import policy_of
from deployments.runner import event_log
from deployments.runner.approvals import GIVEN

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from deployments.core.stuck import StuckResource


def request_continue(
    *, user: User, environment: Environment, skip: Collection[str], reason: str, request_key: UUID
) -> Deployment:
    """Request the continuation of a failed rollback without the resources `skip` (paths below the root).

    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if
    a resource was chosen that has not failed, or the stack is in another status.
    """
    request = Request(
        user=user, action="continue_rollback", permission=CHANGE, reason=reason, environment=environment
    )
    request.details["skip"] = sorted(skip)
    sent = SentAgain(request, request_key, [Kind.ROLLBACK], skip=sorted(skip))
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            row = held(environment)
            if why := refusal(row.stack_status, Operation.CONTINUE):
                raise UserFixable("NotContinuable", why.code, **why.params)
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
    except IntegrityError:
        return sent.first(environment)


def request_take_over(*, user: User, environment: Environment, reason: str, request_key: UUID) -> Deployment:
    """Request that changes start from the current state of a stack that was changed outside of Sanso.

    Nothing changes in AWS. A second call with the same `request_key` returns the deployment of the first.
    """
    request = Request(
        user=user, action="take_over", permission=CHANGE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.UPDATE])
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            row = held(environment)
            if row.changed_outside_at is None:
                raise UserFixable("NotChangedOutside", Code.NOT_CHANGED_OUTSIDE)
            if why := refusal(row.stack_status, Operation.CHANGE):
                raise UserFixable("NotTakenOver", why.code, **why.params)
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
    except IntegrityError:
        return sent.first(environment)


def held(environment: Environment) -> Environment:
    """Return the locked row of an environment. Raise UserFixable if it is deleted or being changed."""
    rows = Environment.objects.select_for_update().select_related("latest")
    row = rows.get(pk=environment.pk)
    if row.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
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


def request_deletion_again(
    *,
    user: User,
    environment: Environment,
    resources: Collection[str],
    typed_name: str,
    unprotect: bool,
    force: bool,
    reason: str,
    request_key: UUID,
) -> Deployment:
    """Request the deletion of a stack whose deletion failed, except for the resources (paths) to retain.

    `force` deletes the stack without the resources that fail, which needs its own permission. Raise
    UserFixable if a resource was chosen that has not failed, the stack is in another status, or approval is
    required and none was given for a deletion like this.
    """
    permission = FORCE_DELETE if force else DELETE
    action = "force_delete" if force else "delete"
    request = Request(user=user, action=action, permission=permission, reason=reason, environment=environment)
    request.details["retain"] = sorted(resources)
    sent = SentAgain(request, request_key, [Kind.DELETE], retain=sorted(resources), unprotect=unprotect)
    if before := sent.earlier():
        return before
    try:
        with requesting(request):
            require_typed_name(environment, typed_name)
            row = held(environment)
            if why := refusal(row.stack_status, Operation.FORCE_DELETE):
                raise UserFixable("NotDeletedAgain", why.code, **why.params)
            _refuse_beyond_approval(row, unprotect=unprotect)
            chosen = [] if force else chosen_of(row, resources)
            request.before = {"stack_status": row.stack_status}
            request.after = {"retained": [one.key for one in chosen], "force": force}
            options: dict[str, Any] = {"force": True} if force else {}
            options |= {"retain": [one.as_json() for one in chosen]} if chosen else {}
            return begin(sent, row, Kind.DELETE, options=options, unprotect=unprotect)
    except IntegrityError:
        return sent.first(environment)


def _refuse_beyond_approval(environment: Environment, *, unprotect: bool) -> None:
    """Raise UserFixable if approval is required, and a deletion again would do more than was approved.

    It retains more than the deletion that failed, so that the approval of that one covers it, unless only
    this one switches off deletion protection.
    """
    if policy_of(environment) is None:
        return
    approved = Deployment.objects.deletions_of(environment.pk).filter(approvals__decision__in=GIVEN)
    if not (approved.filter(unprotect=True) if unprotect else approved).exists():
        raise UserFixable("DeletionNotApproved", Code.DELETION_AGAIN_NOT_APPROVED)
