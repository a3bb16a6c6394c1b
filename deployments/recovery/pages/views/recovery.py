"""The recovery pages: continue a rollback, delete again, take over a changed stack."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import CHANGE, DELETE, FORCE_DELETE
from deployments.access.models.permissions import can
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.cloudformation.operations import Operation
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text, message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands import adopt_drift, continue_rollback, delete_again
from deployments.recovery.display.operations import situation_of, why_not
from deployments.recovery.pages.forms import SKIP, ContinueForm, DeleteAgainForm
from deployments.recovery.pages.stuck_rows import StuckRow, stuck_rows


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "continue_rollback")
def environment_continue(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show why a rollback failed and how it can continue, or request this."""
    environment = environment_or_404(request, pk)
    rows = stuck_rows(environment)
    form = ContinueForm([row.value for row in rows or ()], _posted(request))

    def go_on() -> Deployment:
        given = form.cleaned_data
        return continue_rollback.request_continue(
            user=request.user,
            environment=environment,
            skip=given["resources"],
            reason=given["reason"],
            request_key=given["request_key"],
        )

    if request.method == "POST" and (deployment := _requested(form, go_on)):
        return redirect(deployment)
    context = _context(environment, Operation.CONTINUE, form, rows) | {
        "skips": form["mode"].value() == SKIP,
        "chosen": (form["resources"].value() if form.is_bound else None) or [row.value for row in rows or ()],
    }
    return render(request, "recovery/continue_rollback.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "delete")
def environment_delete_again(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show why a deletion failed and what can be retained, or request the deletion again."""
    environment = environment_or_404(request, pk)
    rows = stuck_rows(environment)
    form = DeleteAgainForm([row.value for row in rows or ()], _posted(request))

    def delete() -> Deployment:
        return delete_again.request_deletion_again(
            user=request.user, environment=environment, force="force" in request.POST, **form.cleaned_data
        )

    if request.method == "POST" and (deployment := _requested(form, delete)):
        return redirect(deployment)
    context = _context(environment, Operation.FORCE_DELETE, form, rows) | {
        "chosen": form["resources"].value() or [],
        "may_force": can(request.user, FORCE_DELETE, environment),
        "force_permission": FORCE_DELETE,
    }
    return render(request, "recovery/delete_again.html", context, status=422 if form.is_bound else 200)


@require_POST
@may(CHANGE, "take_over")
def environment_adopt_drift(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request that changes start from the current state of the stack."""
    environment = environment_or_404(request, pk)
    try:
        key = uuid.UUID(request.POST.get("request_key", ""))
    except ValueError:
        key = uuid.uuid4()
    try:
        deployment = adopt_drift.request_adoption(
            user=request.user, environment=environment, reason="", request_key=key
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(environment)
    return redirect(deployment)


def _posted(request: AuthedRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _requested(form: ReasonedForm, action: Callable[[], Deployment]) -> Deployment | None:
    """Return the deployment of a valid form; None if it is invalid, with the errors in the form."""
    if not form.is_valid():
        return None
    try:
        return action()
    except UserFixable as problem:
        form.reject(problem)
        return None


def _context(
    environment: Environment, operation: Operation, form: ReasonedForm, rows: list[StuckRow] | None
) -> dict[str, Any]:
    why = why_not(situation_of(environment), operation)
    return {
        "environment": environment,
        "why_not": message_text(why) if why else "",
        "form": form,
        "rows": rows,
        "is_read": rows is not None,
    }
