"""Cleaning up after a failed creation: what is deleted, and the deletion, whose page leads to the form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import DELETE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.texts import error_text, message_text
from deployments.locks.display.holds import held_sentence
from deployments.recovery.commands.clean_up import may_clean_up, request_clean_up
from deployments.stacks.display.duration_estimate import deletion_takes


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "clean_up")
def deployment_clean_up(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what is deleted and how long it takes, or request it; its page opens the form at the end."""
    deployment = deployment_or_404(request, pk)
    if request.method == "POST":
        try:
            deletion = request_clean_up(user=request.user, deployment=deployment)
        except UserFixable as problem:
            messages.error(request, error_text(problem))
            return redirect(deployment)
        return redirect(f"{deletion.get_absolute_url()}?then=retry")
    environment = deployment.environment
    context: dict[str, object] = {"deployment": deployment, "environment": environment}
    if not may_clean_up(deployment):
        why = message_text(Message(Code.NOTHING_TO_CLEAN_UP))
        return render(request, "recovery/clean_up.html", context | {"why_not": why})
    context |= {"held": held_sentence(environment), "takes": deletion_takes(environment)}
    return render(request, "recovery/clean_up.html", context | deletion_summary(environment))
