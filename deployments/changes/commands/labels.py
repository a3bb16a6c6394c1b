"""Set the labels of an environment. Labels decide who may act on it, so that changing them may need more
than the right to change the environment: one function decides, for every way to set them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from django.contrib.auth.models import User

from deployments.access.commands.requesting import (
    CHANGE,
    DEPLOY,
    CommandRequest,
    PermissionMissing,
    refuse_deleted,
    requesting,
)
from deployments.access.models.grants import Grant, Label
from deployments.access.models.permissions import access_of, can, can_create
from deployments.access.rules.granting import may_give
from deployments.access.rules.roles import About, Right, Scope
from deployments.changes.approvers import requesters_in
from deployments.changes.models.approvals import Approval, ApprovalRule, policy_of
from deployments.changes.rules.approvals import is_weaker, refusal_to_stop_requiring
from deployments.common.errors import UserFixable, refuse
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.labels import checked_labels
from deployments.notifications.models import NotificationTarget

Pairs = frozenset[tuple[str, str]]
_ERRORS: Final[Mapping[Code, str]] = {
    Code.LABEL_DECIDES_ACCESS: "LabelDecidesAccess",
    Code.LABEL_DECIDES_APPROVAL: "LabelDecidesApproval",
    Code.LABEL_DECIDES_NOTIFICATIONS: "LabelDecidesNotifications",
}


def set_labels(*, user: User, environment: Environment, labels: Mapping[str, str]) -> None:
    """Replace the labels of an environment. They are Sanso's own: AWS does not receive them as tags.

    Raise UserFixable if a label is not valid, or if the user may not decide what depends on it
    (`_change_labels`).
    """
    with requesting(
        CommandRequest(user=user, action="label", permission=CHANGE, environment=environment)
    ) as request:
        row = Environment.objects.select_for_update().get(pk=environment.pk)
        refuse_deleted(row)
        before = labels_of(row)
        after = checked_labels(labels)
        request.before, request.after = {"labels": before}, {"labels": after}
        request.repeats = before == after
        _change_labels(user, row, before, after)


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


def give_first_labels(user: User, environment: Environment, labels: Mapping[str, str]) -> None:
    """Set the labels of an environment that is being created.

    Users may set the labels that allow them to create it, and those of approval rules: nothing is approved
    without them any more. Raise UserFixable if permissions depend on another one, like `set_labels`.
    """
    pairs = frozenset(labels.items())
    own = labels_to_create(user) & pairs
    _refuse_to_give(user, pairs - own, _about(environment, own))
    _write(environment, labels)


def give_labels_again(user: User, environment: Environment, labels: Mapping[str, str]) -> None:
    """Replace the labels of an environment whose creation is requested again.

    This requires what `set_labels` requires. Raise PermissionMissing without the right to change it, and
    UserFixable like `set_labels`.
    """
    before = labels_of(environment)
    if before == labels:
        return
    if not can(user, CHANGE, environment):
        raise PermissionMissing(CHANGE, environment)
    _change_labels(user, environment, before, labels)


def _change_labels(
    user: User, environment: Environment, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Replace the labels of an environment. What the user may do is decided with the labels before.

    Raise UserFixable if an added or removed label is in a grant that the user could not give for the
    environment, or in an approval rule and the user may not decide whether approval is required; if a
    removed one is in a shared notification target and the user may not manage these; or if requests for
    approval wait that fewer people would have to approve, unless the user may approve them.
    """
    pairs = frozenset(before.items())
    about = _about(environment, pairs)
    changed = pairs ^ frozenset(after.items())
    _refuse_to_give(user, changed, about)
    access = access_of(user)
    if not access.may(Right.REQUIRE_APPROVAL, about):
        _refuse_named(changed & ApprovalRule.objects.labels(), Code.LABEL_DECIDES_APPROVAL)
    if not access.may(Right.MANAGE_NOTIFICATIONS, about):
        removed = changed & pairs & NotificationTarget.objects.shared_labels()
        _refuse_named(removed, Code.LABEL_DECIDES_NOTIFICATIONS)
    may_approve = access.may(Right.APPROVE, about)
    policy = policy_of(environment)
    _write(environment, after)
    if is_weaker(policy_of(environment), policy):
        requesters = requesters_in(Approval.objects.waiting_of(environment.pk))
        refuse("NotPermitted", refusal_to_stop_requiring(user.pk, may_approve, requesters), "labels")


def _about(environment: Environment, labels: Pairs) -> About:
    return About(account=environment.account_id, environment=environment.pk, labels=labels)


def _refuse_to_give(user: User, changed: Pairs, about: About) -> None:
    """Raise UserFixable if a label is in a grant that the user could not give for the environment itself."""
    access = access_of(user)
    grants = Grant.objects.naming(changed)
    missing = {one.granted.label for one in grants if not may_give(access, one.granted, about)}
    _refuse_named(missing, Code.LABEL_DECIDES_ACCESS)


def _refuse_named(named: Collection[tuple[str, str]], code: Code) -> None:
    """Raise UserFixable about the first of the labels, if there are any."""
    for key, value in sorted(named):
        raise UserFixable(_ERRORS[code], code, "labels", label=f"{key}={value}")


def _write(environment: Environment, labels: Mapping[str, str]) -> None:
    """Write the rows; unchanged ones keep their ids, which open pages use."""
    environment.labels.exclude(key__in=labels).delete()
    for key, value in labels.items():
        Label.objects.update_or_create(environment=environment, key=key, defaults={"value": value})
    vars(environment).pop("_prefetched_objects_cache", None)  # as it was before
