"""Locks and freezes on pages: the notices, and the reason beside a disabled button."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.cloudformation.status import DisplayStatus
from deployments.common.texts import message_text
from deployments.environments.display import badges
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.locks.models import EnvironmentLock, FreezeWindow, freeze_hold, hold_of, lock_hold, of_lock

SHOWN = 5
"""The number of ended locks in the history of an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockView:
    """A lock in force: its sentence, and the user's possible actions."""

    row: EnvironmentLock
    sentence: str
    may_unlock: bool
    may_break: bool


def lock_view(environment: Environment, user: User | AnonymousUser | AbstractBaseUser) -> LockView | None:
    """Return the view of an environment's lock in force."""
    hold = lock_hold(environment)
    if hold is None or hold.lock is None:
        return None
    is_own = hold.lock.owner_id == user.pk
    return LockView(
        row=hold.lock,
        sentence=message_text(hold.message),
        may_unlock=is_own and can(user, Right.LOCK, environment),
        may_break=not is_own and can(user, Right.BREAK_LOCK, environment),
    )


def freeze_sentence(account: Account) -> str:
    """Return until when an account is frozen and why; "" if it is not."""
    hold = freeze_hold(account)
    return message_text(hold.message) if hold else ""


def frozen_accounts(accounts: Collection[Account]) -> list[str]:
    """Return until when and why, for each of these accounts that is frozen."""
    found = FreezeWindow.objects.frozen_accounts(timezone.now())
    return [sentence for account in found if account in accounts and (sentence := freeze_sentence(account))]


def holds_context(
    environment: Environment, user: User | AnonymousUser | AbstractBaseUser, *, may_operate: bool
) -> dict[str, Any]:
    """Return the context of an environment's page; no queries for a deleted one.

    `disabled_by` is the id of the reason why its actions are disabled.
    """
    is_there = not environment.deleted_at
    lock = lock_view(environment, user) if is_there else None
    frozen = freeze_sentence(environment.account) if is_there else ""
    disabled_by = "held-by-lock" if lock else ""
    return {
        "lock": lock,
        "frozen": frozen,
        "disabled_by": disabled_by if may_operate else "may-not",
    }


def lock_history(environment: Environment) -> list[EnvironmentLock]:
    """Return the latest locks of an environment that have ended, newest first."""
    rows = EnvironmentLock.objects.of(environment)[: SHOWN + 1]
    return [lock for lock in rows if has_ended(lock)][:SHOWN]


def has_ended(lock: EnvironmentLock) -> bool:
    """Return whether a lock has ended, including one that has just expired."""
    return bool(lock.end) or (lock.expires_at is not None and lock.expires_at <= timezone.now())


def lock_badge(lock: EnvironmentLock | None, name: str) -> SafeString | str:
    """Return the badge of a locked environment with this name; "" without a lock. Who and why is on hover."""
    if lock is None:
        return ""
    tip = message_text(of_lock(lock, name).message)
    return badges.status_badge(DisplayStatus.ATTENTION, _("Locked"), tip=tip)


def held_sentence(environment: Environment) -> str:
    """Return why no change of an environment may begin now; "" if nothing blocks it."""
    hold = hold_of(environment)
    return message_text(hold.message) if hold else ""
