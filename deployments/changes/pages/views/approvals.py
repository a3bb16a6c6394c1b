"""Approval requests: the list of open ones, decisions, and the setting for environments."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import can_somewhere
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.changes.commands import approve
from deployments.changes.display.approval_form import ApprovalForm
from deployments.changes.display.approvals import waiting_number
from deployments.changes.pages.approval_list import rows_context
from deployments.changes.pages.views.deletion_request import _deletion_with
from deployments.changes.pages.views.preview import preview_with
from deployments.changes.rules.approvals import APPROVE, REQUIRE
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text
from deployments.environments.display.tab_urls import CONFIGURATION, tab_url
from deployments.environments.rules.phases import Kind


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
    try:
        approve.approve(
            user=request.user,
            deployment=deployment,
            approval_pk=parse_number(request.POST.get("approval")),
            digest=request.POST.get("digest", ""),
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(deployment)


@require_POST
def change_bypass(request: AuthedRequest, pk: int) -> HttpResponse:
    """Let the deployment on the page continue without its approvals, with a reason."""
    deployment = deployment_or_404(request, pk)
    try:
        approve.bypass(
            user=request.user,
            deployment=deployment,
            approval_pk=parse_number(request.POST.get("approval")),
            digest=request.POST.get("digest", ""),
            reason=request.POST.get("reason", "")[:200],
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
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
    try:
        approve.set_approval_required(
            user=request.user,
            environment=environment,
            required=required,
            reason=request.POST.get("reason", "")[:200],
            policy=form.policy,
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        done = _("Changes now require approval.") if required else _("Changes no longer require approval.")
        messages.success(request, done)
    return redirect(f"{tab_url(environment, CONFIGURATION)}#approval")
