"""The one step by which anything is requested: the permission, the transaction, and the audit record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deployments.core.phases import Kind
from deployments.errors import Message, UserFixable
from deployments.message_codes import Code
from deployments.models import AuditRecord, Deployment, Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DEPLOY = "deployments.add_deployment"
"""Django's own permission: environments can be created, and failures injected."""
CHANGE = "deployments.change_environment"
DELETE = "deployments.delete_environment"
OPERATE = "deployments.operate_environment"
DELETE_REMAINING = "deployments.delete_remaining"
FORCE_DELETE = "deployments.force_delete"


@dataclass(slots=True, kw_only=True)
class Request:
    """A request under way. What is set here until its end is in its audit record.

    `action` has its label in `deployments.wording.requests`. `repeats`: it was requested before, by the other
    click of a double click, and nothing was written: it has no record of its own.
    """

    user: User
    action: str
    permission: str
    reason: str = ""
    environment: Environment | None = None
    deployment: Deployment | None = None
    name: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    repeats: bool = False

    def record(self, refusal: Message | None = None) -> None:
        """Add the audit record."""
        environment = self.environment
        name = environment.name if environment else self.name
        AuditRecord.objects.create(
            user=self.user,
            action=self.action,
            permission=self.permission,
            outcome="refused" if refusal else "requested",
            reason=self.reason[: AuditRecord.MAX_REASON],
            refusal=refusal.as_json() if refusal else {},
            name=name[: AuditRecord.MAX_NAME],
            environment=environment,
            deployment=self.deployment,
            details=self.details,
        )

    def record_missing_permission(self) -> None:
        """Add the audit record of a request without its permission."""
        self.record(Message(Code.PERMISSION_MISSING, {"permission": self.permission}))


class PermissionMissing(PermissionDenied):
    """Raised when the user lacks a permission; the page says which one."""

    def __init__(self, permission: str) -> None:
        super().__init__(f"the permission {permission} is missing")
        self.permission = permission


@contextmanager
def requesting(request: Request) -> Iterator[Request]:
    """Run the body in a transaction with the audit record of what it requests.

    A refusal (UserFixable, or PermissionDenied without the permission) undoes the body, and is recorded.
    Raise IntegrityError as the body raised it, without a record: the caller finds the row that was first.
    """
    if not request.user.has_perm(request.permission):
        request.record_missing_permission()
        raise PermissionMissing(request.permission)
    about = request.deployment
    try:
        with transaction.atomic():
            yield request
            if not request.repeats:
                request.record()
    except UserFixable as refusal:
        request.deployment = about  # a row of the body is undone
        request.record(refusal.message)
        raise


def busy(environment: Environment) -> UserFixable:
    """Return the error of an environment that another deployment is changing: which one, and whose it is."""
    holder = Deployment.objects.holder_of(environment.pk)
    if holder is None:  # it has just ended
        return UserFixable("EnvironmentBusy", Code.ENVIRONMENT_BUSY, "name", environment=environment.name)
    return UserFixable(
        "EnvironmentBusy",
        _BUSY[Kind(holder.kind)],
        "name",
        environment=environment.name,
        user=(holder.applied_by or holder.requested_by).get_username(),
        deployment=holder.pk,
    )


_BUSY = {
    Kind.CREATE: Code.ENVIRONMENT_BEING_CREATED,
    Kind.UPDATE: Code.ENVIRONMENT_BEING_CHANGED,
    Kind.DELETE: Code.ENVIRONMENT_BEING_DELETED,
    Kind.ROLLBACK: Code.ENVIRONMENT_BEING_ROLLED_BACK,
    Kind.ROLLBACK_UPDATE: Code.ENVIRONMENT_BEING_ROLLED_BACK,
    Kind.ROLLBACK_CREATION: Code.ENVIRONMENT_BEING_ROLLED_BACK,
}
