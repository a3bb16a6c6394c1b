"""The page that rolls back after a failure: the effect, and the state that it returns to."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.models.rollback_state import returns_to
from deployments.recovery.commands.roll_back import request_stack_rollback
from deployments.stacks.commands.change_base import retried


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "roll_back")
def environment_roll_back(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the effect of a rollback, or request it."""
    environment = environment_or_404(request, pk)
    form = ReasonedForm(request.POST or None)
    if request.method == "POST" and (deployment := _requested(request, environment, form)):
        return redirect(deployment)
    context = {"environment": environment, "form": form, "why_not": _why_not(environment)}
    if not context["why_not"]:
        back_to = returns_to(environment)
        context |= {"failed": retried(environment), "back_to": back_to}
        context |= {} if back_to else deletion_summary(environment)
    return render(request, "recovery/roll_back.html", context, status=422 if form.is_bound else 200)


def _why_not(environment: Environment) -> str:
    """Return why nothing can be rolled back; "" if it can."""
    if environment.deleted_at:
        return message_text(Message(Code.ENVIRONMENT_ALREADY_DELETED))
    if environment.active_deployment:
        return message_text(Message(Code.ENVIRONMENT_BUSY, {"environment": environment.name}))
    why = refusal(environment.stack_status, Operation.ROLL_BACK, environment.deployment_mode)
    return message_text(why) if why else ""


def _requested(request: AuthedRequest, environment: Environment, form: ReasonedForm) -> Deployment | None:
    """Return the deployment of a valid form; None if it is invalid, with the errors in the form."""
    if not form.is_valid():
        return None
    try:
        return request_stack_rollback(user=request.user, environment=environment, **form.cleaned_data)
    except UserFixable as problem:
        form.reject(problem)
        return None
