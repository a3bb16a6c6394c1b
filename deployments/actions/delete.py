"""Request the deletion of an environment, and close one whose stack no longer exists."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from deployments.actions.deploy import busy
from deployments.actions.request import DELETE, Request
from deployments.core.phases import Kind, State
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment
from deployments.runner import approvals, event_log

if TYPE_CHECKING:
    from django.contrib.auth.models import User


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

    It waits for approval if the environment requires one, unless it `cleans_up` what a failed creation left.
    A second call with the same `request_key` returns the deployment of the first. Raise UserFixable if the
    typed name is not the environment's, or the environment has an active deployment or is deleted.
    """
    before = Deployment.objects.filter(request_key=request_key).first()
    if before:
        return before
    require_typed_name(environment, typed_name)
    if environment.is_protected and not unprotect:
        raise UserFixable(
            "DeletionProtection",
            Code.DELETION_PROTECTION_ON,
            "unprotect",
        )
    try:
        with transaction.atomic():
            row = Environment.objects.select_for_update().select_related("latest").get(pk=environment.pk)
            if row.deleted_at:
                raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
            if row.active_deployment:
                raise busy(row.name)
            waits = row.requires_approval and not cleans_up
            if waits and (other := Deployment.objects.waiting_deletion_of(row.pk)):
                raise UserFixable("DeletionWaiting", Code.DELETION_WAITING, deployment=other.pk)
            deployment = Deployment.objects.create(
                environment=row,
                kind=Kind.DELETE.value,
                requested_by=user,
                reason=reason,
                request_key=request_key,
                **_waiting(row, unprotect=unprotect) if waits else {"active_key": row.pk},
                parameters=row.parameters,
                unprotect=unprotect,
                due_at=timezone.now(),
            )
            event_log.add(deployment, "requested", kind="delete", user=user.get_username(), reason=reason)
            if waits:
                _request_approval(deployment, user)
            else:
                Environment.objects.filter(pk=row.pk).update(latest=deployment)
    except (IntegrityError, UserFixable) as exc:
        twice = Deployment.objects.filter(request_key=request_key).first()
        if twice:
            return twice
        if isinstance(exc, UserFixable):
            raise
        raise busy(environment.name) from None
    return deployment


def _waiting(environment: Environment, *, unprotect: bool) -> dict[str, Any]:
    """Return the values of a deletion that waits for approval: it does not hold the environment."""
    digest = approvals.deletion_digest(environment, unprotect=unprotect)
    return {"state": str(State.APPROVAL), "preview_digest": digest}


def _request_approval(deployment: Deployment, user: User) -> None:
    approvals.open_request(deployment, user, timezone.now())
    Request(
        user=user,
        action="request_approval",
        permission=DELETE,
        reason=deployment.reason,
        environment=deployment.environment,
        deployment=deployment,
    ).record()


def require_typed_name(environment: Environment, typed_name: str) -> None:
    """Raise UserFixable unless the environment's name was typed as it is."""
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
    closed = Environment.objects.filter(pk=environment.pk, deleted_at=None, latest__active_key=None).exclude(
        missing_since=None
    )
    if not closed.exists():
        raise UserFixable(
            "StackStillThere",
            Code.STACK_STILL_EXISTS,
        )
    Environment.objects.filter(pk__in=list(closed.values_list("pk", flat=True))).update(
        deleted_at=timezone.now(), live_key=None, due_at=None, secret_fingerprints=""
    )
