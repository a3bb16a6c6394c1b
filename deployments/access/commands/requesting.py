"""The common path of every request: the permission, the transaction, and the audit record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.permissions import access_of, can, can_somewhere
from deployments.access.rules.roles import About
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DEPLOY = "deployments.add_deployment"
"""Django's own permission: environments can be created, and failures injected."""
CHANGE = "deployments.change_environment"
RELEASE = "deployments.release_environment"
DELETE = "deployments.delete_environment"
OPERATE = "deployments.operate_environment"
DELETE_REMAINING = "deployments.delete_remaining"
FORCE_DELETE = "deployments.force_delete"
MANAGE_SETS = "deployments.manage_template_sets"
LOCK, BREAK_LOCK = "deployments.lock_environment", "deployments.break_lock"


@dataclass(slots=True, kw_only=True)
class CommandRequest:
    """A request in progress. Values that are set before it ends are in its audit record.

    `before` and `after` have the changed values, never secrets. `action` has its label in
    `deployments.access.texts.commands`, and `permission` is "" for what everybody may request for themselves.
    `repeats`: the second click of a double click wrote nothing, and has no record. `account` and `labels` are
    those of an environment that does not exist yet. `begins_later`: it waits first, and is checked for a
    freeze afterwards. `anywhere`: the right for any object is enough.
    """

    user: User
    action: str
    permission: str
    reason: str = ""
    environment: Environment | None = None
    account: Account | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    deployment: Deployment | None = None
    name: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    repeats: bool = False
    begins_later: bool = False
    anywhere: bool = False

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Record the values that differ, by their names, never secrets."""
        names = [one for one in dict.fromkeys([*before, *after]) if before.get(one) != after.get(one)]
        self.before = {name: before[name] for name in names if name in before}
        self.after = {name: after[name] for name in names if name in after}

    def record(self, refusal: Message | None = None) -> None:
        """Add the audit record."""
        environment = self.environment
        name = environment.name if environment else self.name
        account = self.account
        AuditRecord.objects.write(
            user=self.user,
            action=self.action,
            permission=self.permission,
            outcome="refused" if refusal else "requested",
            reason=self.reason,
            refusal=refusal.as_json() if refusal else {},
            name=name,
            account_id=environment.account_id if environment else (account.pk if account else None),
            environment=environment,
            deployment=self.deployment,
            details=self.details,
            before=self.before,
            after=None if refusal else self.after,
        )

    def record_missing_permission(self) -> None:
        """Add the audit record of a request without its permission."""
        self.record(Message(Code.PERMISSION_MISSING, {"permission": self.permission}))


class PermissionMissing(PermissionDenied):
    """Raised without a permission; the page shows which one, for which object, and who can grant it."""

    def __init__(self, permission: str, about: Environment | Account | None = None) -> None:
        super().__init__(f"the permission {permission} is missing")
        self.permission, self.about = permission, about


_CHECKS: list[Callable[[CommandRequest], None]] = []


def check_with(check: Callable[[CommandRequest], None]) -> None:
    """Let a check refuse requests, by UserFixable: locks and freezes, which the packages above know."""
    _CHECKS.append(check)


def _check(request: CommandRequest) -> None:
    if not _CHECKS:
        raise RuntimeError("the checks of requests are not connected: see deployments/connected.py")
    for check in _CHECKS:
        check(request)


@contextmanager
def requesting(request: CommandRequest) -> Iterator[CommandRequest]:
    """Run the body in a transaction with the audit record of its request.

    A refusal (UserFixable, PermissionMissing without this or another permission that the body requires, or
    one because of a lock or a freeze) undoes the body and is recorded.
    An IntegrityError of the body is raised without a record: the caller finds the row that was first.
    """
    require(request)
    about = request.deployment
    try:
        with transaction.atomic():
            _check(request)
            yield request
            if not request.repeats:
                request.record()
    except UserFixable as refusal:
        request.deployment = about  # a row that the body created is undone
        request.record(refusal.message)
        raise
    except PermissionMissing as missing:
        request.deployment, request.permission = about, missing.permission
        request.record_missing_permission()
        raise


def require(request: CommandRequest) -> None:
    """Raise PermissionMissing without the permission of a request, and record it as refused."""
    if not _is_permitted(request):
        request.record_missing_permission()
        raise PermissionMissing(request.permission, request.environment or request.account)


def _is_permitted(request: CommandRequest) -> bool:
    """Return whether the person has the right for the environment, else the account, else everything."""
    if not request.permission:
        return True
    if request.anywhere:
        return can_somewhere(request.user, request.permission)
    if request.labels and not request.environment:
        account = request.account.pk if request.account else 0
        about = About(account=account, labels=frozenset(request.labels.items()))
        return access_of(request.user).may(request.permission, about)
    return can(request.user, request.permission, request.environment or request.account)


def require_reason(reason: str) -> None:
    """Raise UserFixable without a reason."""
    if not reason.strip():
        raise UserFixable("ReasonMissing", Code.REASON_MISSING, "reason")


def refuse_deleted(environment: Environment) -> None:
    """Raise UserFixable if an environment has been deleted."""
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)


def busy(environment: Environment) -> UserFixable:
    """Return the error for another deployment that is changing the environment: its number and requester."""
    holder = Deployment.objects.holder_of(environment.pk)
    waiting = environment.latest
    if holder is None and waiting is not None and waiting.is_scheduled_creation and waiting.scheduled_for:
        return UserFixable(
            "EnvironmentScheduled",
            Code.CREATION_SCHEDULED,
            "name",
            environment=environment.name,
            user=waiting.requested_by.get_username(),
            until=waiting.scheduled_for.isoformat(),
        )
    if holder is None:  # it has just ended
        return UserFixable("EnvironmentBusy", Code.ENVIRONMENT_BUSY, "name", environment=environment.name)
    return UserFixable(
        "EnvironmentBusy",
        _BUSY.get(Kind(holder.kind), Code.ENVIRONMENT_BEING_ROLLED_BACK),
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
