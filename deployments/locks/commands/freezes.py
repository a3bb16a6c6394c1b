"""Save and delete the freeze windows of accounts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.rules.roles import Right
from deployments.locks.models.freezes import FreezeWindow

if TYPE_CHECKING:
    from django.contrib.auth.models import User


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
