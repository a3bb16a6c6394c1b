"""Approvals: the list of open requests, decisions, rules, and the page of a deletion that waits for one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import Person, can_somewhere
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may, may_everywhere, reload_if
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.changes.commands import approve
from deployments.changes.commands.approve import delete_label_rule, save_label_rule
from deployments.changes.display.approvals import (
    ApprovalForm,
    LabelRuleForm,
    approval_context,
    rule_rows,
    waiting_number,
)
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.changes.models.approvals import ApprovalRule, visible_approvals
from deployments.changes.pages.views.preview import preview_with
from deployments.changes.rules.approvals import APPROVE, REQUIRE
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.pages.list_orders import ListOrder, read_moment
from deployments.common.pages.lists import ListDeclaration
from deployments.common.texts import error_text
from deployments.environments.display.tab_urls import CONFIGURATION, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.template_sets.display.place_filters import PLACES


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def approval_list(request: AuthedRequest) -> HttpResponse:
    """Show the open requests; for htmx only the rows."""
    template = "_approval_rows.html" if request.htmx else "approvals.html"
    return render(request, f"changes/{template}", rows_context(request.GET, request.user))


@require_GET
@never_cache
def approval_count(request: AuthedRequest) -> HttpResponse:
    """Show the number of open requests, for refreshing the navigation of users who may approve."""
    number = waiting_number(request.user, APPROVE) if can_somewhere(request.user, APPROVE) else None
    return render(request, "changes/_approval_count.html", {"to_decide": number})


@require_POST
def change_approve(request: AuthedRequest, pk: int) -> HttpResponse:
    """Approve the request and the preview that the page shows."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        approve.approve(
            user=request.user,
            deployment=deployment,
            approval_pk=parse_number(request.POST.get("approval")),
            digest=request.POST.get("digest", ""),
        )
    return redirect(deployment)


@require_POST
def change_bypass(request: AuthedRequest, pk: int) -> HttpResponse:
    """Let the deployment on the page continue without its approvals, with a reason."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        approve.bypass(
            user=request.user,
            deployment=deployment,
            approval_pk=parse_number(request.POST.get("approval")),
            digest=request.POST.get("digest", ""),
            reason=request.POST.get("reason", "")[:200],
        )
    return redirect(deployment)


@require_POST
def change_deny(request: AuthedRequest, pk: int) -> HttpResponse:
    """Deny the request that the page shows, with a reason."""
    deployment = deployment_or_404(request, pk)
    reason = request.POST.get("reason", "")[:200]
    try:
        approve.deny(
            user=request.user,
            deployment=deployment,
            approval_pk=parse_number(request.POST.get("approval")),
            reason=reason,
        )
    except UserFixable as problem:
        if problem.field:
            show = preview_with if deployment.kind == Kind.UPDATE else _deletion_with
            return show(request, deployment, deny_error=error_text(problem))
        messages.error(request, error_text(problem))
    return redirect(deployment)


@require_POST
@may(REQUIRE, "require_approval")
def environment_require_approval(request: AuthedRequest, pk: int) -> HttpResponse:
    """Set whether changes of an environment require approval."""
    environment = environment_or_404(request, pk)
    form = ApprovalForm(request.POST)
    required = request.POST.get("required") == "yes"
    with ShownRefusals(request):
        approve.set_approval_required(
            user=request.user,
            environment=environment,
            required=required,
            reason=request.POST.get("reason", "")[:200],
            policy=form.policy,
        )
        done = _("Changes now require approval.") if required else _("Changes no longer require approval.")
        messages.success(request, done)
    return redirect(f"{tab_url(environment, CONFIGURATION)}#approval")


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(REQUIRE, "save_approval_rule")
def approval_rules(request: AuthedRequest) -> HttpResponse:
    """Show the rules of labels, or save one."""
    form = LabelRuleForm(request.POST or None)
    if form.accepted(lambda: save_label_rule(user=request.user, **form.cleaned_data)):
        messages.success(request, _("The rule is saved."))
        return redirect("approval_rules")
    context = {"form": form, "rules": rule_rows()}
    return render(request, "changes/approval_rules.html", context, status=422 if form.errors else 200)


@require_POST
@may_everywhere(REQUIRE, "delete_approval_rule")
def approval_rule_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove the rule of a label."""
    rule = get_object_or_404(ApprovalRule.objects.of_labels(), pk=pk)
    with ShownRefusals(request):
        delete_label_rule(user=request.user, rule=rule)
    return redirect("approval_rules")


APPROVALS = ListDeclaration(
    caption=gettext_lazy("Requests for approval: %(order)s"),
    searched=gettext_lazy("Environment, user or key=value"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=gettext_lazy("Expiring soonest"), column="expires_at", read=read_moment),
        "newest": ListOrder(label=gettext_lazy("Newest first")),
        "name": ListOrder(label=gettext_lazy("By environment"), column="deployment__environment__name"),
        "account": ListOrder(
            label=gettext_lazy("By account"), column="deployment__environment__account__name"
        ),
        "user": ListOrder(label=gettext_lazy("By user"), column="requested_by__username"),
    },
    narrowings=PLACES,
)


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of the rows that match a query: a page of the open requests."""
    return APPROVALS.context(visible_approvals(user).waiting().for_list(), given, user)


@require_GET
@never_cache
def deletion_request(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a deletion that waits for approval or was denied; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        return _deletion_with(request, deployment) if deployment.is_deletion_request else redirect(deployment)
    moved_to = "" if deployment.is_deletion_request else deployment.get_absolute_url()
    return reload_if(request, marker=_marker(deployment), moved_to=moved_to)


def _deletion_with(request: AuthedRequest, deployment: Deployment, **problem: Any) -> HttpResponse:
    """Show a deletion that waits for approval, with the errors of a form that its page submitted."""
    context: dict[str, Any] = {
        "deployment": deployment,
        "environment": deployment.environment,
        "marker": _marker(deployment),
        "sent": request.POST,
    }
    context |= approval_context(deployment, request.user) | deletion_summary(deployment.environment)
    status = 422 if problem else 200
    return render(request, "changes/deletion_request.html", context | problem, status=status)


def _marker(deployment: Deployment) -> str:
    return f"{deployment.state}-{deployment.cancel_code}"
