"""The buttons of the restore drills on the *Database* tab."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from deployments.access.commands.requesting import OPERATE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.display.tab_urls import DATABASE, tab_url
from deployments.environments.models.environments import Environment
from deployments.restore_drills.commands import request_drill, schedule_drills


@require_POST
@may(OPERATE, "restore_drill")
def environment_drill(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a restore drill of a database cluster."""
    environment = environment_or_404(request, pk)
    try:
        request_drill(user=request.user, environment=environment, cluster_id=request.POST.get("cluster", ""))
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return _back(environment)


@require_POST
@may(OPERATE, "schedule_drills")
def environment_drill_schedule(request: AuthedRequest, pk: int) -> HttpResponse:
    """Set whether a drill runs every month."""
    environment = environment_or_404(request, pk)
    try:
        schedule_drills(
            user=request.user, environment=environment, monthly=request.POST.get("monthly") == "yes"
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return _back(environment)


def _back(environment: Environment) -> HttpResponse:
    return redirect(f"{tab_url(environment, DATABASE)}#restore-drills")
