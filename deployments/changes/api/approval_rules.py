"""The rules of approval for labels: which changes need how many approvals, of which role."""

from __future__ import annotations

from typing import Self

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Schema
from pydantic import Field, StrictInt

from deployments.access.api import keyset
from deployments.access.api.access_router import router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import After, Key, Limit, Page
from deployments.access.api.problems import validated
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST, Body, Nothing
from deployments.access.commands.requesting import CommandRequest, PermissionMissing
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.commands.approve import delete_label_rule, save_label_rule
from deployments.changes.display.approvals import LabelRuleForm
from deployments.changes.models.approvals import MAX_APPROVALS, ApprovalRule
from deployments.changes.rules.approvals import REQUIRE


class RuleOut(Schema):
    """How many people of which role approve changes of the environments with a label."""

    id: int = Field(examples=[2])
    label: str = Field(examples=["stage=production"])
    approvals: int = Field(examples=[2])
    role: str = Field(examples=["approver"])

    @classmethod
    def of(cls, row: ApprovalRule) -> Self:
        """Return a row."""
        return cls(id=row.pk, label="=".join(row.label), approvals=row.approvals, role=row.role)


class RulePage(Page[RuleOut]):
    """A page of rules, the newest first."""


class RuleBody(Body):
    """The rule of a label. One that the label has already is replaced."""

    label: str = Field(max_length=110, examples=["stage=production"])
    approvals: StrictInt = Field(default=1, ge=1, le=MAX_APPROVALS)
    role: str = Field(default="approver", max_length=20, examples=["approver"])


NEEDS = Right(REQUIRE)


@router.get("/approval-rules", response={200: RulePage, **FOR_LIST}, operation_id="list_approval_rules")
def list_approval_rules(request: ApiRequest, response: HttpResponse, after: After, limit: Limit) -> RulePage:
    """List the rules of labels, the newest first. It needs the right to require approval of everything."""
    _require(request)
    return RulePage.of(request, response, keyset.before(ApprovalRule.objects.of_labels(), after), limit)


@requests(router, "/approval-rules", RuleOut, name="save_approval_rule", needs=NEEDS)
def save_approval_rule(request: ApiRequest, body: RuleBody) -> RuleOut:
    """Save the rule of a label: changes of its environments need these approvals from now on."""
    _require(request, "save_approval_rule")
    given = validated(LabelRuleForm(body.model_dump())).cleaned_data
    save_label_rule(user=request.user, **given)
    return RuleOut.of(ApprovalRule.objects.get(key=ApprovalRule.key_for(None, given["label"])))


@requests(router, "/approval-rules/{rule_id}/delete", RuleOut, name="delete_approval_rule", needs=NEEDS)
def delete_approval_rule(request: ApiRequest, rule_id: Key, body: Nothing) -> RuleOut:
    """Delete the rule of a label, and return what it was."""
    _require(request, "delete_approval_rule")
    rule = get_object_or_404(ApprovalRule.objects.of_labels(), pk=rule_id)
    found = RuleOut.of(rule)
    delete_label_rule(user=request.user, rule=rule)
    return found


def _require(request: ApiRequest, action: str = "") -> None:
    """Raise PermissionMissing without the right for everything; what was to be requested is recorded."""
    if can(request.user, REQUIRE):
        return
    if action:
        CommandRequest(user=request.user, action=action, permission=REQUIRE).record_missing_permission()
    raise PermissionMissing(REQUIRE)
