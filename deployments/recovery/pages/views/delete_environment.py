"""The page that deletes an environment: it lists what will be deleted, and the name confirms it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import DELETE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.cloudformation.stuck_resources import DELETE_FAILED
from deployments.common.errors import UserFixable
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.display.holds import held_sentence
from deployments.recovery.commands.delete import deletion_refusal, request_deletion
from deployments.recovery.pages.forms import DeleteForm


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "delete")
def environment_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what will be deleted and the form, or request the deletion."""
    environment = environment_or_404(request, pk)
    if environment.stack_status == DELETE_FAILED and environment.stack_id and request.method != "POST":
        return redirect("environment_delete_again", pk)
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and (deployment := _requested(request, environment, form)):
        return redirect(deployment)
    why = deletion_refusal(environment)
    context = {
        "environment": environment,
        "why_not": message_text(why) if why else "",
        "form": form,
        "held": held_sentence(environment),
        **deletion_summary(environment),
    }
    return render(request, "recovery/delete_environment.html", context, status=422 if form.is_bound else 200)


def _requested(request: AuthedRequest, environment: Environment, form: DeleteForm) -> Deployment | None:
    """Return the deployment of a valid form; None if it is invalid, with the errors in the form."""
    if not form.is_valid():
        return None
    try:
        return request_deletion(user=request.user, environment=environment, **form.cleaned_data)
    except UserFixable as problem:
        form.reject(problem)
        return None
