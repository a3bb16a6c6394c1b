"""The pages that delete: an environment, the remains of a failed creation, and what is left in AWS."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import DELETE, DELETE_REMAINING, OPERATE
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.cloudformation.stuck_resources import DELETE_FAILED
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.display.holds import held_sentence
from deployments.recovery.commands.delete import (
    deletion_refusal,
    may_clean_up,
    request_clean_up,
    request_deletion,
)
from deployments.recovery.commands.remaining import request_deletion_of, request_new_search
from deployments.recovery.pages.forms import DeleteForm, DeleteRemainingForm
from deployments.stacks.display.eta import deletion_takes
from deployments.stacks.display.remaining import remaining_view


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "delete")
def environment_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what will be deleted and the form, or request the deletion."""
    environment = environment_or_404(request, pk)
    if environment.stack_status == DELETE_FAILED and environment.stack_id and request.method != "POST":
        return redirect("environment_delete_again", pk)
    form = DeleteForm(request.POST or None)
    if deployment := form.requested(
        lambda: request_deletion(user=request.user, environment=environment, **form.cleaned_data)
    ):
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


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "clean_up")
def deployment_clean_up(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what is deleted and how long it takes, or request it; its page opens the form at the end."""
    deployment = deployment_or_404(request, pk)
    if request.method == "POST":
        with ShownRefusals(request):
            deletion = request_clean_up(user=request.user, deployment=deployment)
            return redirect(f"{deletion.get_absolute_url()}?then=retry")
        return redirect(deployment)
    environment = deployment.environment
    context: dict[str, object] = {"deployment": deployment, "environment": environment}
    if not may_clean_up(deployment):
        why = message_text(Message(Code.NOTHING_TO_CLEAN_UP))
        return render(request, "recovery/clean_up.html", context | {"why_not": why})
    context |= {"held": held_sentence(environment), "takes": deletion_takes(environment)}
    return render(request, "recovery/clean_up.html", context | deletion_summary(environment))


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE_REMAINING, "delete_remaining")
def environment_remaining(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the remaining and the deletable resources, or request the deletion of the chosen ones."""
    environment = environment_or_404(request, pk)
    latest = _latest(environment)
    view = remaining_view(latest)
    choices = [(row.value, row.name) for row in view.rows if row.can_delete] if view else []
    form = DeleteRemainingForm(choices, request.POST if request.method == "POST" else None)
    if form.requested(
        lambda: request_deletion_of(
            user=request.user,
            deployment=latest,
            chosen=[
                cast("tuple[str, str]", tuple(one.split("|", 1))) for one in form.cleaned_data["resources"]
            ],
            typed_name=form.cleaned_data["typed_name"],
        )
    ):
        messages.success(request, _("The selected resources are being deleted."))
        return redirect(environment)
    context = {"environment": environment, "deployment": latest, "remaining": view, "form": form}
    return render(request, "recovery/remaining.html", context, status=422 if form.is_bound else 200)


def _latest(environment: Environment) -> Deployment:
    """Return the deployment whose resources may remain. Raise Http404 if there is none."""
    if environment.latest is None or environment.latest.is_active:
        raise Http404("nothing is known to remain")
    return environment.latest


@require_POST
@may(OPERATE, "search_remaining")
def environment_remaining_search(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a new search for remaining resources."""
    environment = environment_or_404(request, pk)
    with ShownRefusals(request):
        request_new_search(user=request.user, deployment=_latest(environment))
    return redirect(environment)
