"""Approval requests: the list of open ones, decisions, and the setting for environments."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access import can_somewhere
from deployments.actions import approve
from deployments.core.approvals import APPROVE, REQUIRE
from deployments.core.phases import Kind
from deployments.errors import UserFixable
from deployments.forms.approval import ApprovalForm
from deployments.models import Deployment
from deployments.presentation.approval_list import rows_context
from deployments.presentation.approvals import approval_context, waiting_number
from deployments.presentation.deletion_summary import deletion_summary
from deployments.presentation.environment_tabs import CONFIGURATION, tab_url
from deployments.presentation.filters.choices import parse_number
from deployments.views.preview import preview_with
from deployments.views.requests import AuthedRequest, may
from deployments.views.visible import deployment_or_404, environment_or_404
from deployments.wording import error_text


@require_GET
@never_cache
@vary_on_headers("HX-Request")
def approval_list(request: AuthedRequest) -> HttpResponse:
    """Show the open requests; for htmx only the rows."""
    template = "_approval_rows.html" if request.htmx else "approvals.html"
    return render(request, f"deployments/{template}", rows_context(request.GET, request.user))


@require_GET
@never_cache
def approval_count(request: AuthedRequest) -> HttpResponse:
    """Show the number of open requests, for refreshing the navigation of users who may approve."""
    number = waiting_number(request.user, APPROVE) if can_somewhere(request.user, APPROVE) else None
    return render(request, "deployments/_approval_count.html", {"to_decide": number})


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


@require_GET
@never_cache
def deletion_request(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a deletion that waits for approval or was denied; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        return _deletion_with(request, deployment) if deployment.is_deletion_request else redirect(deployment)
    response = HttpResponse(status=204)
    if not deployment.is_deletion_request:
        response["HX-Redirect"] = deployment.get_absolute_url()
    elif request.GET.get("marker") != _marker(deployment):
        response["HX-Refresh"] = "true"
    return response


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
    return render(request, "deployments/deletion_request.html", context | problem, status=status)


def _marker(deployment: Deployment) -> str:
    return f"{deployment.state}-{deployment.cancel_code}"


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
