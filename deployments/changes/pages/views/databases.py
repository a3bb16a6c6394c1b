"""The pages that change the databases of an environment: what the change does, and the preview of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.databases import request_databases, set_for
from deployments.changes.display.databases import deletion_of
from deployments.changes.pages.restored_data import chosen_data
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.display.holds import held_sentence
from deployments.template_sets.template_files.restored_data import (
    FIRST,
    SECOND,
    DatabaseChange,
    RestoredData,
)

CRUMBS = {
    "restore_database": _("Restore data"),
    "switch_database": _("Switch database"),
    "delete_database": _("Delete database"),
    "keep_database": _("Keep database"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_restore(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what the data of the address would add to the environment, or request the preview of it."""
    environment = environment_or_404(request, pk)
    try:
        set_for(environment, DatabaseChange(restore=RestoredData()))
        data = chosen_data(environment, request.GET.dict())
    except UserFixable as problem:
        return _answer(request, environment, "restore_database", why_not=error_text(problem))
    return _requested(request, environment, "restore_database", DatabaseChange(restore=data), data=data)


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_switch_database(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what happens when the servers use the other database, or request the preview of it."""
    environment = environment_or_404(request, pk)
    slot = request.GET.get("to") or SECOND
    wanted = DatabaseChange(switch_to=slot)
    try:
        set_for(environment, wanted)
    except UserFixable as problem:
        return _answer(request, environment, "switch_database", why_not=error_text(problem))
    return _requested(request, environment, "switch_database", wanted, slot=slot)


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_delete_database(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what is lost when the database that is not in use is deleted, or request the preview of it."""
    environment = environment_or_404(request, pk)
    wanted = DatabaseChange(delete=request.GET.get("database") or FIRST)
    try:
        set_for(environment, wanted)
    except UserFixable as problem:
        return _answer(request, environment, "delete_database", why_not=error_text(problem))
    deletion = deletion_of(environment, wanted.delete)
    return _requested(request, environment, "delete_database", wanted, deletion=deletion)


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_keep_database(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what it adds to keep a database whose deletion has begun, or request the preview of it."""
    environment = environment_or_404(request, pk)
    slot = request.GET.get("database") or FIRST
    wanted = DatabaseChange(keep=slot)
    try:
        set_for(environment, wanted)
    except UserFixable as problem:
        return _answer(request, environment, "keep_database", why_not=error_text(problem))
    return _requested(request, environment, "keep_database", wanted, slot=slot)


def _requested(
    request: AuthedRequest, environment: Environment, page: str, wanted: DatabaseChange, **context: Any
) -> HttpResponse:
    form = ReasonedForm(request.POST or None)

    def requested() -> Deployment:
        return request_databases(
            user=request.user,
            environment=environment,
            wanted=wanted,
            reason=form.cleaned_data["reason"],
            request_key=form.cleaned_data["request_key"],
        )

    if deployment := form.requested(requested):
        return redirect(deployment)
    return _answer(request, environment, page, form=form, **context)


def _answer(request: AuthedRequest, environment: Environment, page: str, **context: Any) -> HttpResponse:
    context |= {"environment": environment, "held": held_sentence(environment), "crumb": CRUMBS[page]}
    status = 422 if request.method == "POST" else 200
    return render(request, f"changes/{page}.html", context, status=status)
