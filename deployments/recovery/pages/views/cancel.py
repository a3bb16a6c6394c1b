"""The page that cancels a deployment: the effect in its current phase, and the confirmation."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from deployments.access.models.permissions import can
from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.cloudformation.operations import Operation
from deployments.common.errors import Message, UserFixable
from deployments.common.texts import error_text, message_text
from deployments.environments.models.deployments import Deployment
from deployments.recovery.commands.cancel import effect_of, permission_to_cancel, request_cancel
from deployments.recovery.display.canceling import explanation, permission_text
from deployments.recovery.display.operations import situation_of, why_not


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def deployment_cancel(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the effect of canceling now, or request it.

    If the deployment has ended meanwhile, redirect to its page; if it is in another phase, show the new
    effect.
    """
    deployment = deployment_or_404(request, pk)
    if request.method == "POST":
        try:
            found = request_cancel(
                user=request.user, deployment=deployment, effect=request.POST.get("effect", "")
            )
        except UserFixable as problem:
            messages.warning(request, error_text(problem))
            moved_on = problem.code == "CancelEffectChanged"
            return redirect("deployment_cancel", pk) if moved_on else redirect(deployment)
        return redirect(found)
    if deployment.is_stopping or deployment.is_cancel_pending:
        return redirect(deployment)
    return render(request, "recovery/cancel.html", _context(request, deployment))


def _context(request: AuthedRequest, deployment: Deployment) -> dict[str, Any]:
    effect = effect_of(deployment)
    if isinstance(effect, Message):
        return {"deployment": deployment, "refusal": message_text(effect)}
    permission = permission_to_cancel(deployment)
    missing = (
        ""
        if can(request.user, permission, deployment.environment)
        else permission_text(permission, deployment.environment)
    )
    shown = explanation(deployment, effect)
    return {"deployment": deployment, "effect": effect.value, "missing": missing, **shown}


@require_GET
def environment_cancel(request: AuthedRequest, pk: int) -> HttpResponse:
    """Redirect to the page that cancels the active deployment of an environment.

    Without one, redirect to the environment, which shows why nothing can be canceled.
    """
    environment = environment_or_404(request, pk)
    active = environment.active_deployment
    if active:
        return redirect("deployment_cancel", active.pk)
    why = why_not(situation_of(environment), Operation.CANCEL)
    if why and not environment.deleted_at:
        messages.warning(request, message_text(why))
    return redirect(environment)
