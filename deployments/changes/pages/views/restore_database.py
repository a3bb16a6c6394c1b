"""The page that restores data beside the database of an environment: what is added, and the preview of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.restoring import request_restore, set_with_second
from deployments.changes.pages.restored_data import chosen_data
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment
from deployments.locks.display.holds import held_sentence

PAGE = "changes/restore_database.html"


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_restore(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what the data of the address would add to the environment, or request the preview of it."""
    environment = environment_or_404(request, pk)
    context: dict[str, Any] = {"environment": environment, "held": held_sentence(environment)}
    try:
        set_with_second(environment)
        data = chosen_data(environment, request.GET.dict())
    except UserFixable as problem:
        context["why_not"] = error_text(problem)
        return render(request, PAGE, context, status=422 if request.method == "POST" else 200)
    form = ReasonedForm(request.POST or None)

    def requested() -> Deployment:
        return request_restore(
            user=request.user,
            environment=environment,
            data=data,
            reason=form.cleaned_data["reason"],
            request_key=form.cleaned_data["request_key"],
        )

    if deployment := form.requested(requested):
        return redirect(deployment)
    context |= {"form": form, "data": data}
    return render(request, PAGE, context, status=422 if form.is_bound else 200)
