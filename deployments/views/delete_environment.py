"""Asking for an environment to be deleted: its name is typed, and what goes is shown before."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from deployments.actions.delete import request_deletion
from deployments.errors import UserFixable
from deployments.forms import DeleteForm
from deployments.models import Deployment, Environment
from deployments.presentation.deletion_summary import deletion_summary
from deployments.views.requests import AuthedRequest, may_deploy


@require_http_methods(["GET", "HEAD", "POST"])
@may_deploy
def environment_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what would be deleted and ask for the name, or ask for the deletion."""
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and (deployment := _asked_for(request, environment, form)):
        return redirect(deployment)
    context = {"environment": environment, "form": form, **deletion_summary(environment)}
    return render(
        request, "deployments/delete_environment.html", context, status=422 if form.is_bound else 200
    )


def _asked_for(request: AuthedRequest, environment: Environment, form: DeleteForm) -> Deployment | None:
    """Return the deployment of a good form; None, with the form saying why, of a bad one."""
    if not form.is_valid():
        return None
    try:
        return request_deletion(user=request.user, environment=environment, **form.cleaned_data)
    except UserFixable as problem:
        form.refuse(problem)
        return None
