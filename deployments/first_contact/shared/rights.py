"""What a user needs for the environment of a first contact, which is checked before anything is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.permissions import can, can_create
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_OF_ENVIRONMENTS: Final = (
    *(Right.OPERATE, Right.CHANGE, Right.RELEASE, Right.DELETE, Right.DELETE_REMAINING),
)


def require_environment_rights(user: User, account: Account) -> None:
    """Raise PermissionMissing unless a user may take an environment of an account through its life."""
    if not can_create(user, account):
        raise PermissionMissing(Right.CREATE, account)
    for right in _OF_ENVIRONMENTS:
        if not can(user, right, account):
            raise PermissionMissing(right, account)
