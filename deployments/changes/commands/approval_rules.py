"""Save and delete the rules of approval for labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.models.permissions import can
from deployments.changes.approvers import requesters_in
from deployments.changes.models.approvals import Approval, ApprovalRule
from deployments.changes.rules.approvals import APPROVE, REQUIRE, refusal_to_stop_requiring
from deployments.common.errors import UserFixable

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def save_label_rule(*, user: User, label: tuple[str, str], approvals: int, role: str) -> None:
    """Save the rule of a label: changes of its environments need these approvals from now on.

    Raise UserFixable if it is weaker than before and requests wait that this person may not approve.
    """
    key = ApprovalRule.key_for(None, label)
    with requesting(_request(user, label, "save_approval_rule")) as request:
        before = ApprovalRule.objects.select_for_update().filter(key=key).first()
        rule = ApprovalRule(label_key=label[0], label_value=label[1], approvals=approvals, role=role)
        if before is not None and rule.policy.is_weaker_than(before.policy):
            _refuse_while_requests_wait(user, rule)
        request.changes(_values(before) if before else {}, _values(rule))
        defaults = {"label_key": label[0], "label_value": label[1], **_values(rule)}
        ApprovalRule.objects.update_or_create(key=key, defaults=defaults)


def delete_label_rule(*, user: User, rule: ApprovalRule) -> None:
    """Delete the rule of a label. Raise UserFixable if requests wait that this person may not approve."""
    with requesting(_request(user, rule.label, "delete_approval_rule")) as request:
        _refuse_while_requests_wait(user, rule)
        request.before = _values(rule)
        rule.delete()


def _refuse_while_requests_wait(user: User, rule: ApprovalRule) -> None:
    requesters = requesters_in(Approval.objects.waiting_with_label(*rule.label))
    why = refusal_to_stop_requiring(user.pk, can(user, APPROVE), requesters)
    if why is not None:
        raise UserFixable("NotPermitted", why.code, **why.params)


def _values(rule: ApprovalRule) -> dict[str, Any]:
    return {"approvals": rule.approvals, "role": rule.role}


def _request(user: User, label: tuple[str, str], action: str) -> CommandRequest:
    return CommandRequest(user=user, action=action, permission=REQUIRE, name="=".join(label))
