"""Pages that lead out of a deployment or a failure: cancel, roll back, continue, delete again, dismiss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.access.commands.requesting import CHANGE, DELETE, FORCE_DELETE
from deployments.access.models.permissions import can
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may, request_key_of
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.changes.display.deletion_summary import deletion_summary
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.remaining import Billing, billing_of
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text, message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.models.rollback_state import returns_to
from deployments.recovery.commands.cancel import effect_of, permission_to_cancel, request_cancel
from deployments.recovery.commands.delete import request_deletion_again
from deployments.recovery.commands.recovering import (
    dismiss_failure,
    request_adoption,
    request_continue,
    request_stack_rollback,
)
from deployments.recovery.display.canceling import explanation, permission_text
from deployments.recovery.display.operations import situation_of, why_not
from deployments.recovery.pages.forms import SKIP, ContinueForm, DeleteAgainForm
from deployments.stacks.commands.change_base import retried
from deployments.stacks.display.remaining import billing_label


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "continue_rollback")
def environment_continue(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show why a rollback failed and how it can continue, or request this."""
    environment = environment_or_404(request, pk)
    rows = stuck_rows(environment)
    form = ContinueForm([row.value for row in rows or ()], request.POST if request.method == "POST" else None)

    def go_on() -> Deployment:
        given = form.cleaned_data
        return request_continue(
            user=request.user,
            environment=environment,
            skip=given["resources"],
            reason=given["reason"],
            request_key=given["request_key"],
        )

    if deployment := form.requested(go_on):
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
    form = DeleteAgainForm(
        [row.value for row in rows or ()], request.POST if request.method == "POST" else None
    )

    def delete() -> Deployment:
        return request_deletion_again(
            user=request.user, environment=environment, force="force" in request.POST, **form.cleaned_data
        )

    if deployment := form.requested(delete):
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
    key = request_key_of(request)
    with ShownRefusals(request):
        return redirect(
            request_adoption(user=request.user, environment=environment, reason="", request_key=key)
        )
    return redirect(environment)


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


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "roll_back")
def environment_roll_back(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the effect of a rollback, or request it."""
    environment = environment_or_404(request, pk)
    form = ReasonedForm(request.POST or None)
    if deployment := form.requested(
        lambda: request_stack_rollback(user=request.user, environment=environment, **form.cleaned_data)
    ):
        return redirect(deployment)
    context = {"environment": environment, "form": form, "why_not": _why_not_rolled_back(environment)}
    if not context["why_not"]:
        back_to = returns_to(environment)
        context |= {"failed": retried(environment), "back_to": back_to}
        context |= {} if back_to else deletion_summary(environment)
    return render(request, "recovery/roll_back.html", context, status=422 if form.is_bound else 200)


def _why_not_rolled_back(environment: Environment) -> str:
    """Return why nothing can be rolled back; "" if it can."""
    if environment.deleted_at:
        return message_text(Message(Code.ENVIRONMENT_ALREADY_DELETED))
    if environment.active_deployment:
        return message_text(Message(Code.ENVIRONMENT_BUSY, {"environment": environment.name}))
    why = refusal(environment.stack_status, Operation.ROLL_BACK, environment.deployment_mode)
    return message_text(why) if why else ""


@require_POST
@may(CHANGE, "dismiss_failure")
def deployment_dismiss(request: AuthedRequest, pk: int) -> HttpResponse:
    """Dismiss the failure, and return to the environment's page."""
    deployment = deployment_or_404(request, pk)
    with ShownRefusals(request):
        dismiss_failure(user=request.user, deployment=deployment)
        messages.success(request, _("Failure dismissed for everybody. It stays in the history."))
    return redirect(deployment.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRow:
    """One resource. `value` is its path below the root stack, `skip_name` its name for CloudFormation."""

    value: str
    type: str
    name: str
    skip_name: str
    reason: str
    billing: str
    is_billed: bool


def stuck_rows(environment: Environment) -> list[StuckRow] | None:
    """Return the failed resources; None until Sanso has read them."""
    found = environment.stuck_resources
    return None if found is None else rows_of(found)


def rows_of(resources: Iterable[StuckResource]) -> list[StuckRow]:
    """Return the rows of resources."""
    rows = []
    for one in resources:
        billing = billing_of(one.type)
        rows.append(
            StuckRow(
                value=one.key,
                type=one.type,
                name=one.physical_id,
                skip_name=one.skip_name,
                reason=one.reason,
                billing=billing_label(billing),
                is_billed=billing is Billing.BILLED,
            )
        )
    return rows


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
    return render(request, "recovery/cancel.html", _effect_context(request, deployment))


def _effect_context(request: AuthedRequest, deployment: Deployment) -> dict[str, Any]:
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
