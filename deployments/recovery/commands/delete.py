"""Request the deletion of an environment or of a failed creation's remains, and close one without a stack."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.access.commands.requesting import (
    DELETE,
    FORCE_DELETE,
    CommandRequest,
    busy,
    refuse_deleted,
    requesting,
)
from deployments.changes.models.approvals import policy_of
from deployments.changes.shared import approvals
from deployments.changes.shared.approvals import GIVEN
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import Message, UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import AFTER_STACKS, TERMINAL, Kind, State
from deployments.recovery.commands.recovering import begin, chosen_of, held
from deployments.stacks.commands.sent_again import SentAgain
from deployments.stacks.shared import event_log


def request_deletion(
    *,
    user: User,
    environment: Environment,
    typed_name: str,
    reason: str,
    request_key: UUID,
    unprotect: bool = False,
    cleans_up: bool = False,
) -> Deployment:
    """Request the deletion of the environment's stack, and return its deployment.

    It waits for approval if the environment requires one, unless it `cleans_up` after a failed creation.
    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if the
    typed name is not the environment's, the environment has an active deployment or is deleted, or
    CloudFormation would not delete the stack now.
    """
    request = CommandRequest(
        user=user, action="delete", permission=DELETE, reason=reason, environment=environment
    )
    sent = SentAgain(request, request_key, [Kind.DELETE], unprotect=unprotect)
    if before := sent.earlier():
        return before
    with requesting(request):
        require_typed_name(environment, typed_name)
        if environment.is_protected and not unprotect:
            raise UserFixable("DeletionProtection", Code.DELETION_PROTECTION_ON, "unprotect")
        refuse("NotDeletable", deletion_refusal(environment))
        return create_deletion(sent, environment, unprotect=unprotect)


def deletion_refusal(environment: Environment) -> Message | None:
    """Return why CloudFormation would not delete the stack of an environment now; None if it would.

    Without a stack, only the environment is deleted; a deployment in progress is a separate reason.
    """
    is_judged = environment.stack_id and environment.stack_status and not environment.missing_since
    if not is_judged or environment.deleted_at or environment.active_deployment:
        return None
    return refusal(environment.stack_status, Operation.DELETE)


def create_deletion(
    sent: SentAgain, environment: Environment, *, unprotect: bool, cleans_up: bool = False
) -> Deployment:
    """Create the deployment that deletes an environment, as a part of a request.

    For the second click of a double click, return the first one's. Raise UserFixable if the environment has
    an active deployment or is deleted.
    """
    request = sent.request
    row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
    if twice := sent.earlier():
        request.repeats = True
        return twice
    refuse_deleted(row)
    if row.active_deployment:
        raise busy(row)
    waits = policy_of(row) is not None and not cleans_up
    if waits and (other := Deployment.objects.waiting_deletion_of(row.pk)):
        raise UserFixable("DeletionWaiting", Code.DELETION_WAITING, deployment=other.pk)
    try:
        with transaction.atomic():
            deployment = Deployment.objects.create(
                environment=row,
                kind=Kind.DELETE.value,
                requested_by=request.user,
                reason=request.reason,
                **sent.columns,
                **_waiting(row, unprotect=unprotect) if waits else {"active_key": row.pk},
                parameters=row.parameters,
                unprotect=unprotect,
                due_at=timezone.now(),
            )
    except IntegrityError:
        raise busy(row) from None
    request.deployment = deployment
    request.before = {"stack": row.stack_name, "stack_status": row.stack_status}
    request.after = {"deletion": "waits for approval" if waits else "begins", "unprotect": unprotect}
    event_log.add(
        deployment, "requested", kind="delete", user=request.user.get_username(), reason=request.reason
    )
    if waits:
        _request_approval(request, deployment)
    else:
        Environment.objects.filter(pk=row.pk).update(latest=deployment)
    return deployment


def _waiting(environment: Environment, *, unprotect: bool) -> dict[str, Any]:
    """Return the values of a deletion that waits for approval: it is not active in the environment."""
    digest = approvals.deletion_digest(environment, unprotect=unprotect)
    return {"state": str(State.APPROVAL), "preview_digest": digest}


def _request_approval(request: CommandRequest, deployment: Deployment) -> None:
    approvals.open_request(deployment, request.user, timezone.now())
    CommandRequest(
        user=request.user,
        action="request_approval",
        permission=DELETE,
        reason=deployment.reason,
        environment=deployment.environment,
        deployment=deployment,
    ).record()


def require_typed_name(environment: Environment, typed_name: str) -> None:
    """Raise UserFixable unless the environment's name was typed exactly."""
    # Full-width letters from a Japanese keyboard are the same name.
    if unicodedata.normalize("NFKC", typed_name).strip() != environment.name:
        raise UserFixable(
            "NameNotTyped",
            Code.NAME_NOT_CONFIRMED,
            "typed_name",
            environment=environment.name,
        )


def close_environment(*, user: User, environment: Environment) -> None:
    """Close an environment whose stack no longer exists.

    Raise UserFixable while the stack exists or a deployment is active.
    """
    request = CommandRequest(user=user, action="close", permission=DELETE, environment=environment)
    with requesting(request):
        row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
        if row.deleted_at or row.missing_since is None or row.active_deployment:
            raise UserFixable("StackStillThere", Code.STACK_STILL_EXISTS)
        request.changes(
            {"stack": row.stack_name, "deleted": False}, {"stack": row.stack_name, "deleted": True}
        )
        Environment.objects.filter(pk=row.pk).update(
            deleted_at=timezone.now(), live_key=None, due_at=None, secret_fingerprints=""
        )


def may_clean_up(deployment: Deployment) -> bool:
    """Return whether the remains of a deployment may be deleted without typing the name.

    This is only possible for a creation whose stacks failed, or that was rolled back: there never was an
    environment, nor data in it.
    """
    environment = deployment.environment
    ended = State(deployment.state) in TERMINAL
    failed = deployment.creates and ended and deployment.state != State.SUCCEEDED
    emptied = deployment.kind == Kind.ROLLBACK_CREATION and ended
    return (
        (failed or emptied)
        and State(deployment.last_phase) not in AFTER_STACKS
        and environment.latest_id == deployment.pk
        and bool(environment.stack_id)
        and environment.deleted_at is None
        and environment.missing_since is None
    )


def request_clean_up(*, user: User, deployment: Deployment) -> Deployment:
    """Request the deletion of a failed creation's remains, and return its deployment.

    A second request of the same user returns the deployment of the first. Raise UserFixable if it is not such
    a creation, or if another deployment is changing the environment.
    """
    environment = deployment.environment
    request = CommandRequest(user=user, action="clean_up", permission=DELETE, environment=environment)
    sent = SentAgain(request, uuid.uuid5(deployment.token, "clean up"), [Kind.DELETE])
    if before := sent.earlier():
        return before
    with requesting(request):
        if not may_clean_up(deployment):
            raise UserFixable("NothingToCleanUp", Code.NOTHING_TO_CLEAN_UP)
        return create_deletion(sent, environment, unprotect=True, cleans_up=True)


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
    request = CommandRequest(
        user=user, action=action, permission=permission, reason=reason, environment=environment
    )
    request.details["retain"] = sorted(resources)
    sent = SentAgain(request, request_key, [Kind.DELETE], retain=sorted(resources), unprotect=unprotect)

    def begun() -> Deployment:
        require_typed_name(environment, typed_name)
        row = held(environment)
        refuse("NotDeletedAgain", refusal(row.stack_status, Operation.FORCE_DELETE))
        _refuse_beyond_approval(row, unprotect=unprotect)
        chosen = [] if force else chosen_of(row, resources)
        request.before = {"stack_status": row.stack_status}
        request.after = {"retained": [one.key for one in chosen], "force": force}
        options: dict[str, Any] = {"force": True} if force else {}
        options |= {"retain": [one.as_json() for one in chosen]} if chosen else {}
        return begin(sent, row, Kind.DELETE, options=options, unprotect=unprotect)

    return sent.once(environment, begun)


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
