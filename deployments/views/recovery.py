"""The recovery pages: continue a rollback, delete again, take over a changed stack."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access import can
from deployments.actions import recovery
from deployments.actions.request import CHANGE, DELETE, FORCE_DELETE
from deployments.core.operations import Operation
from deployments.errors import UserFixable
from deployments.forms import ReasonedForm
from deployments.forms.recovery import SKIP, ContinueForm, DeleteAgainForm
from deployments.models import Deployment, Environment
from deployments.presentation.operations import situation_of, why_not
from deployments.presentation.stuck import StuckRow, stuck_rows
from deployments.views.requests import AuthedRequest, may
from deployments.views.visible import environment_or_404
from deployments.wording import error_text, message_text


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "continue_rollback")
def environment_continue(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show why a rollback failed and how it can continue, or request this."""
    environment = environment_or_404(request, pk)
    rows = stuck_rows(environment)
    form = ContinueForm([row.value for row in rows or ()], _posted(request))

    def go_on() -> Deployment:
        given = form.cleaned_data
        return recovery.request_continue(
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
    return render(
        request, "deployments/continue_rollback.html", context, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@may(DELETE, "delete")
def environment_delete_again(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show why a deletion failed and what can be retained, or request the deletion again."""
    environment = environment_or_404(request, pk)
    rows = stuck_rows(environment)
    form = DeleteAgainForm([row.value for row in rows or ()], _posted(request))

    def delete() -> Deployment:
        return recovery.request_deletion_again(
            user=request.user, environment=environment, force="force" in request.POST, **form.cleaned_data
        )

    if request.method == "POST" and (deployment := _requested(form, delete)):
        return redirect(deployment)
    context = _context(environment, Operation.FORCE_DELETE, form, rows) | {
        "chosen": form["resources"].value() or [],
        "may_force": can(request.user, FORCE_DELETE, environment),
        "force_permission": FORCE_DELETE,
    }
    return render(request, "deployments/delete_again.html", context, status=422 if form.is_bound else 200)


@require_POST
@may(CHANGE, "take_over")
def environment_take_over(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request that changes start from the current state of the stack."""
    environment = environment_or_404(request, pk)
    try:
        key = uuid.UUID(request.POST.get("request_key", ""))
    except ValueError:
        key = uuid.uuid4()
    try:
        deployment = recovery.request_take_over(
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
