"""Who may give or remove a role: nobody gives rights that they do not have there themselves."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.core.roles import About, Access, Granted, Right, Scope


def about_of(granted: Granted, *, account: int = 0, labels: Iterable[tuple[str, str]] = ()) -> About | None:
    """Return what a grant is about; None for everything.

    `account` and `labels` are those of its environment. A label is about no account: only who has a right for
    the label, or for everything, has it about each environment with the label.
    """
    if granted.scope is Scope.EVERYTHING:
        return None
    if granted.scope is Scope.LABEL:
        return About(account=0, labels=frozenset([granted.label]))
    if granted.scope is Scope.ACCOUNT:
        return About(account=granted.account or 0)
    return About(account=account, environment=granted.environment, labels=frozenset(labels))


def may_give(access: Access, granted: Granted, about: About | None) -> bool:
    """Return whether a person may give or remove a grant: they manage access there and have all its
    rights."""
    return all(access.may(right, about) for right in {Right.MANAGE_ACCESS, *granted.rights})
