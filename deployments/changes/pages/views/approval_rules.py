"""The approval rules for labels: the number of approvals for changes, and the role."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.changes.commands.approval_rules import delete_label_rule, save_label_rule
from deployments.changes.display.approvals import rule_rows
from deployments.changes.models.approvals import ApprovalRule
from deployments.changes.pages.forms.approvals import LabelRuleForm
from deployments.changes.rules.approvals import REQUIRE
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(REQUIRE, "save_approval_rule")
def approval_rules(request: AuthedRequest) -> HttpResponse:
    """Show the rules of labels, or save one."""
    form = LabelRuleForm(request.POST or None)
    if form.is_valid():
        try:
            save_label_rule(user=request.user, **form.cleaned_data)
        except UserFixable as error:
            form.reject(error)
        else:
            messages.success(request, _("The rule is saved."))
            return redirect("approval_rules")
    context = {"form": form, "rules": rule_rows()}
    return render(request, "changes/approval_rules.html", context, status=422 if form.errors else 200)


@require_POST
@may_everywhere(REQUIRE, "delete_approval_rule")
def approval_rule_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove the rule of a label."""
    rule = get_object_or_404(ApprovalRule.objects.of_labels(), pk=pk)
    try:
        delete_label_rule(user=request.user, rule=rule)
    except UserFixable as error:
        messages.error(request, error_text(error))
    return redirect("approval_rules")
