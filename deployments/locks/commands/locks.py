"""Lock an environment, save and delete freezes, and refuse what a lock or a freeze blocks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import (
    BREAK_LOCK,
    LOCK,
    CommandRequest,
    refuse_deleted,
    requesting,
    require_reason,
)
from deployments.access.rules.roles import Right
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models import waiting
from deployments.environments.models.environments import Environment
from deployments.locks.models import EnvironmentLock, FreezeWindow, freeze_hold, lock_hold
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox


def lock_environment(
    *, user: User, environment: Environment, reason: str, expires_at: datetime | None = None
) -> EnvironmentLock:
    """Lock an environment until its owner unlocks it, somebody breaks the lock, or it expires.

    Raise UserFixable with the field to correct, or if somebody has locked it.
    """
    details = {"expires_at": expires_at.isoformat()} if expires_at else {}
    with requesting(
        CommandRequest(
            user=user,
            action="lock",
            permission=LOCK,
            reason=reason,
            environment=environment,
            details=details,
        )
    ) as request:
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        refuse_deleted(row)
        require_reason(reason)
        now = timezone.now()
        if expires_at is not None and expires_at <= now:
            raise UserFixable("ExpiryPassed", Code.LOCK_EXPIRY_PASSED, "expires_at")
        if held := _in_force(row):
            raise UserFixable(
                "AlreadyLocked", Code.ENVIRONMENT_ALREADY_LOCKED, user=held.owner.get_username()
            )
        request.before, request.after = {"locked_by": None}, {"locked_by": user.get_username(), **details}
        EnvironmentLock.objects.filter(active_key=row.pk).update(active_key=None, end="expired", ended_at=now)
        return EnvironmentLock.objects.create(
            environment=row, active_key=row.pk, owner=user, reason=reason.strip(), expires_at=expires_at
        )


def unlock_environment(*, user: User, environment: Environment) -> None:
    """End the lock of an environment. Raise UserFixable if it is another's: that has to be broken."""
    with requesting(
        CommandRequest(user=user, action="unlock", permission=LOCK, environment=environment)
    ) as request:
        lock = _locked(environment)
        request.changes({"locked_by": lock.owner.get_username(), "reason": lock.reason}, {"locked_by": None})
        if lock.owner_id != user.pk:
            raise UserFixable("NotLockOwner", Code.LOCK_OF_ANOTHER, user=lock.owner.get_username())
        _end(lock, user, "unlocked")


def break_lock(*, user: User, environment: Environment, reason: str) -> None:
    """End the lock of another user, with a reason. Raise UserFixable if there is no lock or no reason."""
    with requesting(
        CommandRequest(
            user=user, action="break_lock", permission=BREAK_LOCK, reason=reason, environment=environment
        )
    ) as request:
        lock = _locked(environment)
        request.details = {"locked_by": lock.owner.get_username(), "locked_because": lock.reason}
        request.changes({"locked_by": lock.owner.get_username(), "reason": lock.reason}, {"locked_by": None})
        require_reason(reason)
        _end(lock, user, "broken", reason.strip())
        _notify_broken(lock, user, reason.strip(), timezone.now())


def _in_force(environment: Environment) -> EnvironmentLock | None:
    rows = EnvironmentLock.objects.in_force(timezone.now())
    return rows.filter(active_key=environment.pk).first()


def _locked(environment: Environment) -> EnvironmentLock:
    Environment.objects.select_for_update().get(pk=environment.pk)
    lock = _in_force(environment)
    if lock is None:
        raise UserFixable("NotLocked", Code.ENVIRONMENT_NOT_LOCKED)
    return lock


def _end(lock: EnvironmentLock, user: User, end: str, reason: str = "") -> None:
    EnvironmentLock.objects.filter(pk=lock.pk).update(
        active_key=None, end=end, ended_at=timezone.now(), ended_by=user, end_reason=reason
    )
    waiting.wake(lock.environment_id)


def save_freeze(*, user: User, window: FreezeWindow, changed: Collection[str]) -> None:
    """Save a new freeze window, or the fields of one that were changed."""
    is_new = window._state.adding
    details = {name: str(getattr(window, name)) for name in changed}
    with requesting(
        CommandRequest(
            user=user,
            action="add_freeze" if is_new else "edit_freeze",
            permission=Right.MANAGE_ACCOUNTS,
            reason=window.reason,
            name=window.account.name,
            details={"window": window.name, **details},
        )
    ) as request:
        before = {} if is_new else FreezeWindow.objects.values(*changed).get(pk=window.pk) if changed else {}
        stored = {name: None if value is None else str(value) for name, value in before.items()}
        request.account = window.account
        request.changes(stored, {name: _stored(window, name) for name in changed})
        window.save()


def delete_freeze(*, user: User, window: FreezeWindow) -> None:
    """Delete a freeze window."""
    with requesting(
        CommandRequest(
            user=user,
            action="delete_freeze",
            permission=Right.MANAGE_ACCOUNTS,
            name=window.account.name,
            details={"window": window.name},
        )
    ) as request:
        request.account = window.account
        request.before = {name: _stored(window, name) for name in ("name", "reason", "kind", "is_on", "zone")}
        window.delete()


def _stored(window: FreezeWindow, name: str) -> str | None:
    value = window.account_id if name == "account" else getattr(window, name)
    return None if value is None else str(value)


def _notify_broken(lock: EnvironmentLock, user: User, reason: str, now: datetime) -> None:
    """Notify that somebody has ended the lock of another person."""
    payload = {
        "locked_by": lock.owner.get_username(),
        "lock_reason": lock.reason,
        "broken_by": user.get_username(),
        "reason": reason,
    }
    targets = outbox.destinations_of(Topic.LOCK_BROKEN, lock.environment)
    key = f"{Topic.LOCK_BROKEN}:{lock.pk}"
    outbox.write(targets, Topic.LOCK_BROKEN, key, payload, now, environment=lock.environment)


WHILE_LOCKED = frozenset(
    [
        *("lock", "unlock", "break_lock"),
        *("change", "preview", "discard", "search_remaining", "dismiss_failure"),
        *("approve", "deny", "bypass_approval", "require_approval", "stop_requiring_approval"),
        *("give_role", "remove_role"),
        "cancel",  # running operations may be stopped
    ]
)
"""Requests that are allowed while the environment is locked: they do not change it, or they stop
something."""

WHILE_NOT_FROZEN = frozenset(
    [
        *("deploy", "apply", "delete", "approve_deletion", "bypass_deletion", "clean_up", "force_delete"),
        "start_scheduled",
    ]
)
"""Requests that a freeze of the account refuses: they begin a deployment."""


def refuse_if_held(request: CommandRequest) -> None:
    """Raise UserFixable if the environment is locked or the account frozen, for requests that this blocks.

    The environment's row is locked to order a simultaneous lock and request; not for requests about a
    deployment, whose row is locked and which is checked again before it begins.
    """
    environment = request.environment
    if environment and not environment.deleted_at and request.action not in WHILE_LOCKED:
        if request.deployment is None:
            list(Environment.objects.select_for_update().filter(pk=environment.pk))
        refuse_if_locked(environment)
    account = environment.account if environment else request.account
    if account is None or request.begins_later or request.action not in WHILE_NOT_FROZEN:
        return
    freeze = freeze_hold(account)
    refuse("Frozen", freeze.message if freeze else None)


def refuse_if_locked(environment: Environment) -> None:
    """Raise UserFixable if an environment is locked, with the owner, the reason and the end."""
    hold = lock_hold(environment)
    refuse("Locked", hold.message if hold else None)
