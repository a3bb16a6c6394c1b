"""Asking for an environment to be deleted: its name is typed, and what goes is shown before."""

from __future__ import annotations

from collections import Counter

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from deployments.actions.delete import request_deletion
from deployments.errors import UserFixable
from deployments.forms import DeleteForm
from deployments.models import Deployment, Environment, Resource
from deployments.models.stack import STACK_TYPE
from deployments.views.requests import AuthedRequest, may_deploy

GONE = ("DELETE_COMPLETE", "")
"""Words of what is not there: deleted, or never made."""


@require_http_methods(["GET", "HEAD", "POST"])
@may_deploy
def environment_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what would be deleted and ask for the name, or ask for the deletion."""
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and (deployment := _asked_for(request, environment, form)):
        return redirect(deployment)
    context = {"environment": environment, "form": form, **_what_goes(environment)}
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


def _what_goes(environment: Environment) -> dict[str, object]:
    """Return how many resources of which type there are, as far as the deployments' rows tell."""
    there: dict[tuple[str, str], tuple[str, str]] = {}
    rows = Resource.objects.of_environment(environment)
    for path, logical_id, kind, word in rows.values_list("stack__path", "logical_id", "type", "status"):
        there[path, logical_id] = kind, word
    types = Counter(kind for kind, word in there.values() if word not in GONE)
    stacks = types.pop(STACK_TYPE, 0) + bool(environment.stack_id)
    return {"types": sorted(types.items()), "resources": types.total(), "stacks": stacks}
