"""Set the labels of an environment. Changing labels of grants requires the right to manage access."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployments.access import access_of, can, can_create
from deployments.actions.request import CHANGE, DEPLOY, Request, requesting
from deployments.core.labels import checked_labels
from deployments.core.roles import About, Right, Scope
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Account, ApprovalRule, Environment, Grant, Label

if TYPE_CHECKING:
    from django.contrib.auth.models import User

Pairs = frozenset[tuple[str, str]]


def set_labels(*, user: User, environment: Environment, labels: Mapping[str, str]) -> None:
    """Replace the labels of an environment. They are Sanso's own: AWS does not receive them as tags.

    Raise UserFixable if a label is not valid; if an added or removed label is in a grant and the user may not
    manage access to the environment; or if it is in an approval rule and the user may not set whether
    approval is required.
    """
    with requesting(
        Request(user=user, action="label", permission=CHANGE, environment=environment)
    ) as request:
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        if row.deleted_at:
            raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
        before = labels_of(row)
        after = checked_labels(labels)
        changed = frozenset(before.items() ^ after.items())
        _refuse_to_decide(changed, is_entitled=can(user, Right.MANAGE_ACCESS, row))
        if not can(user, Right.REQUIRE_APPROVAL, row):
            _refuse_to_decide_about_approval(changed)
        request.before, request.after = {"labels": before}, {"labels": after}
        request.repeats = before == after
        _write(row, after)


def labels_of(environment: Environment) -> dict[str, str]:
    """Return the labels of an environment by key."""
    return dict(environment.labels.values_list("key", "value"))


def refuse_without_label(user: User, account: Account, labels: Mapping[str, str]) -> None:
    """Raise UserFixable if a user may only create environments with labels other than these."""
    own = labels_to_create(user)
    if own and not can_create(user, account, labels.items()):
        choices = ", ".join(f"{key}={value}" for key, value in sorted(own))
        raise UserFixable("LabelMissing", Code.LABEL_MISSING, "labels", labels=choices)


def labels_to_create(user: User) -> Pairs:
    """Return the labels that let a user create environments."""
    scoped = access_of(user).scoped(DEPLOY)
    return frozenset(one.label for one in scoped if one.scope is Scope.LABEL)


def give_labels(user: User, environment: Environment, labels: Mapping[str, str]) -> None:
    """Set the labels of an environment that is being requested.

    Users may set the labels that allow them to create it. Raise UserFixable like `set_labels`.
    """
    pairs = frozenset(labels.items())
    changed = pairs ^ frozenset(labels_of(environment).items())
    about = About(account=environment.account_id, environment=environment.pk, labels=pairs)
    _refuse_to_decide(
        changed - (labels_to_create(user) & pairs),
        is_entitled=access_of(user).may(Right.MANAGE_ACCESS, about),
    )
    _write(environment, labels)


def _refuse_to_decide(changed: Pairs, *, is_entitled: bool) -> None:
    """Raise UserFixable if permissions depend on the labels and the user may not change these permissions."""
    if is_entitled or not changed:
        return
    if named := sorted(changed & Grant.objects.labels()):
        key, value = named[0]
        raise UserFixable("LabelDecidesAccess", Code.LABEL_DECIDES_ACCESS, "labels", label=f"{key}={value}")


def _refuse_to_decide_about_approval(changed: Pairs) -> None:
    if named := sorted(changed & ApprovalRule.objects.labels()):
        key, value = named[0]
        raise UserFixable(
            "LabelDecidesApproval", Code.LABEL_DECIDES_APPROVAL, "labels", label=f"{key}={value}"
        )


def _write(environment: Environment, labels: Mapping[str, str]) -> None:
    """Write the rows; unchanged ones keep their ids, which open pages use."""
    environment.labels.exclude(key__in=labels).delete()
    for key, value in labels.items():
        Label.objects.update_or_create(environment=environment, key=key, defaults={"value": value})
    vars(environment).pop("_prefetched_objects_cache", None)  # as it was before
