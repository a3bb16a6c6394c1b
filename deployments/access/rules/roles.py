"""Rights, roles, and whether grants give a right for an object: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The role of a person for some environments. CUSTOM: the rights are listed in the grant itself."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    ADMIN = "admin"
    CUSTOM = "custom"


class Right(StrEnum):
    """What may be done. The values are those of Django's permissions before there were grants."""

    VIEW = "deployments.view_environment"
    OPERATE = "deployments.operate_environment"
    LOCK = "deployments.lock_environment"
    CREATE = "deployments.add_deployment"
    CHANGE = "deployments.change_environment"
    RELEASE = "deployments.release_environment"
    DELETE = "deployments.delete_environment"
    DELETE_REMAINING = "deployments.delete_remaining"
    APPROVE = "deployments.approve_change"
    REQUIRE_APPROVAL = "deployments.require_approval"
    BYPASS_APPROVAL = "deployments.bypass_approval"
    BREAK_LOCK = "deployments.break_lock"
    FORCE_DELETE = "deployments.force_delete"
    MANAGE_SETS = "deployments.manage_template_sets"
    MANAGE_NOTIFICATIONS = "deployments.manage_notifications"
    MANAGE_ACCOUNTS = "deployments.manage_accounts"
    MANAGE_ACCESS = "deployments.manage_access"
    VIEW_AUDIT = "deployments.view_auditrecord"


_VIEWER = frozenset({Right.VIEW})
_OPERATOR = _VIEWER | {Right.OPERATE, Right.LOCK}
_DEPLOYER = _OPERATOR | {Right.CREATE, Right.CHANGE, Right.RELEASE, Right.DELETE, Right.DELETE_REMAINING}
ROLES: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.DEPLOYER: _DEPLOYER,
    Role.APPROVER: _VIEWER | {Right.APPROVE},
    Role.ADMIN: frozenset(Right),
}
"""The rights of each role. A person who approves and deploys has two roles; nobody can approve their own
requests."""


def role_with(right: str) -> Role:
    """Return the least role that has a right."""
    return next(role for role, rights in ROLES.items() if right in rights)


FOR_EVERYTHING: Final = frozenset({Right.MANAGE_SETS, Right.MANAGE_ACCOUNTS})
"""Rights for objects of all accounts or of none: only grants for everything give them."""


class Scope(StrEnum):
    """What a grant is about."""

    EVERYTHING = "everything"
    ACCOUNT = "account"
    LABEL = "label"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """One grant of a person, directly or through a team."""

    pk: int
    rights: frozenset[str]
    scope: Scope = Scope.EVERYTHING
    account: int | None = None
    environment: int | None = None
    label: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object of a right: an account, or an environment in it with its labels."""

    account: int
    environment: int | None = None
    labels: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """All grants of a person."""

    user: int
    is_superuser: bool = False
    grants: tuple[Granted, ...] = field(default=())

    def may(self, right: str, about: About | None = None) -> bool:
        """Return whether the person has a right for an object, or (None) for everything."""
        return self.is_superuser or any(covers(one, about) for one in self._with(right))

    def may_somewhere(self, right: str) -> bool:
        """Return whether the person has a right for any object."""
        return self.is_superuser or bool(self._with(right))

    def may_everywhere(self, right: str) -> bool:
        """Return whether the person has a right for everything."""
        return self.may(right)

    def within(self, rights: frozenset[str]) -> Access:
        """Return the access limited to these rights: that of a token that covers no others."""
        given = (Granted(pk=0, rights=frozenset(Right)),) if self.is_superuser else self.grants
        return Access(user=self.user, grants=tuple(replace(one, rights=one.rights & rights) for one in given))

    def scoped(self, right: str) -> tuple[Granted, ...]:
        """Return the grants of a right that are for less than everything."""
        return tuple(one for one in self._with(right) if one.scope is not Scope.EVERYTHING)

    @property
    def has_labels(self) -> bool:
        """Return whether any right depends on labels."""
        return any(one.scope is Scope.LABEL for one in self.grants)

    def _with(self, right: str) -> tuple[Granted, ...]:
        """Return the grants that give a right. A user with any right for an environment may view it."""
        return tuple(one for one in self.grants if right == Right.VIEW or right in one.rights)


def covers(granted: Granted, about: About | None) -> bool:
    """Return whether a grant covers an object; None is everything."""
    if granted.scope is Scope.EVERYTHING:
        return True
    if about is None:
        return False
    if granted.scope is Scope.ACCOUNT:
        return granted.account == about.account
    if granted.scope is Scope.LABEL:
        return granted.label in about.labels
    return granted.environment is not None and granted.environment == about.environment


def rights_of(role: str, listed: Iterable[str] = ()) -> frozenset[str]:
    """Return the rights of a role; for CUSTOM (or a role of a newer version of Sanso) those listed."""
    try:
        return ROLES[Role(role)] if role != Role.CUSTOM else frozenset(listed)
    except ValueError:
        return frozenset(listed)


def effective_rights(role: str, listed: Iterable[str], scope: Scope) -> frozenset[str]:
    """Return what a grant allows: any right includes the view; some count only in a grant for everything."""
    rights = rights_of(role, listed)
    rights = rights if scope is Scope.EVERYTHING else rights - FOR_EVERYTHING
    return rights | {Right.VIEW} if rights else rights
