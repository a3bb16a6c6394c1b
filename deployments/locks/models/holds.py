"""Holds that block requests for an environment: a lock of the environment, or a freeze of its account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.locks.models.freezes import FreezeWindow
from deployments.locks.models.locks import EnvironmentLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why nothing may begin, and until when; `until` is None if it is not known."""

    message: Message
    until: datetime | None
    lock: EnvironmentLock | None = None

    @property
    def marker(self) -> str:
        """Return a text that identifies the hold."""
        return f"{self.message.code}-{self.until.timestamp() if self.until else ''}"


def lock_hold(environment: Environment, now: datetime | None = None) -> Hold | None:
    """Return the lock of an environment that is in force as a hold."""
    lock = EnvironmentLock.objects.in_force(now or timezone.now()).filter(active_key=environment.pk).first()
    return of_lock(lock, environment.name) if lock else None


def of_lock(lock: EnvironmentLock, name: str) -> Hold:
    """Return a lock of the environment with this name as a hold."""
    values = {"user": lock.owner.get_username(), "reason": lock.reason, "environment": name}
    until = lock.expires_at
    if until is None:
        return Hold(message=Message(Code.ENVIRONMENT_LOCKED, values), until=None, lock=lock)
    message = Message(Code.ENVIRONMENT_LOCKED_UNTIL, values | {"until": until.isoformat()})
    return Hold(message=message, until=until, lock=lock)


def freeze_hold(account: Account, now: datetime | None = None) -> Hold | None:
    """Return the freeze of an account that is in force as a hold."""
    freeze = FreezeWindow.objects.freeze_of(account.pk, now or timezone.now())
    if freeze is None:
        return None
    values = {"account": account.name, "name": freeze.name, "reason": freeze.reason}
    if freeze.until is None:
        return Hold(message=Message(Code.ACCOUNT_FROZEN, values), until=None)
    message = Message(Code.ACCOUNT_FROZEN_UNTIL, values | {"until": freeze.until.isoformat()})
    return Hold(message=message, until=freeze.until)


def hold_of(environment: Environment, now: datetime | None = None) -> Hold | None:
    """Return the hold on changes of an environment: its lock, or else a freeze of its account."""
    return lock_hold(environment, now) or freeze_hold(environment.account, now)
