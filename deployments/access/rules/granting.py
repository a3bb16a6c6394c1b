"""Permission to grant or remove a role: people can only grant rights that they have there themselves."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.access.rules.roles import About, Access, Granted, Right, Scope


def about_of(granted: Granted, *, account: int = 0, labels: Iterable[tuple[str, str]] = ()) -> About | None:
    """Return the object of a grant; None for everything.

    `account` and `labels` are those of its environment. A label belongs to no account: only people with a
    right for the label, or for everything, have it for each environment with the label.
    """
    if granted.scope is Scope.EVERYTHING:
        return None
    if granted.scope is Scope.LABEL:
        return About(account=0, labels=frozenset([granted.label]))
    if granted.scope is Scope.ACCOUNT:
        return About(account=granted.account or 0)
    return About(account=account, environment=granted.environment, labels=frozenset(labels))


def may_give(access: Access, granted: Granted, about: About | None) -> bool:
    """Return whether a person may create or remove a grant: they manage access there and have all its
    rights."""
    return all(access.may(right, about) for right in {Right.MANAGE_ACCESS, *granted.rights})
