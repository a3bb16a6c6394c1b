"""Remaining resources in AWS after a deletion or a failed creation: search again, and delete."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import DELETE_REMAINING, OPERATE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.remaining import request_deletion_of, request_new_search
from deployments.recovery.pages.forms import DeleteRemainingForm
from deployments.stacks.display.remaining import remaining_view


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE_REMAINING, "delete_remaining")
def environment_remaining(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the remaining and the deletable resources, or request the deletion of the chosen ones."""
    environment = environment_or_404(request, pk)
    latest = _latest(environment)
    view = remaining_view(latest)
    choices = [(row.value, row.name) for row in view.rows if row.can_delete] if view else []
    form = DeleteRemainingForm(choices, request.POST if request.method == "POST" else None)
    if request.method == "POST" and _requested(request, latest, form):
        messages.success(request, _("The selected resources are being deleted."))
        return redirect(environment)
    context = {"environment": environment, "deployment": latest, "remaining": view, "form": form}
    return render(request, "recovery/remaining.html", context, status=422 if form.is_bound else 200)


def _latest(environment: Environment) -> Deployment:
    """Return the deployment whose resources may remain. Raise Http404 if there is none."""
    if environment.latest is None or environment.latest.is_active:
        raise Http404("nothing is known to remain")
    return environment.latest


def _requested(request: AuthedRequest, deployment: Deployment, form: DeleteRemainingForm) -> bool:
    if not form.is_valid():
        return False
    chosen = [cast("tuple[str, str]", tuple(one.split("|", 1))) for one in form.cleaned_data["resources"]]
    try:
        request_deletion_of(
            user=request.user,
            deployment=deployment,
            chosen=chosen,
            typed_name=form.cleaned_data["typed_name"],
        )
    except UserFixable as problem:
        form.reject(problem)
        return False
    return True


@require_POST
@may(OPERATE, "search_remaining")
def environment_remaining_search(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a new search for remaining resources."""
    environment = environment_or_404(request, pk)
    try:
        request_new_search(user=request.user, deployment=_latest(environment))
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(environment)
