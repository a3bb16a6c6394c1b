"""The form that changes an environment: its parameters, the template set, or both."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.preview import request_change
from deployments.changes.pages.forms.change import ChangeForm, chosen_set
from deployments.changes.pages.forms.layout import FormLayout
from deployments.changes.pages.restored_data import requested_again
from deployments.cloudformation.operations import Operation, is_allowed, refusal
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text, message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.models.rollback_state import returns_to
from deployments.locks.display.holds import held_sentence
from deployments.stacks.commands.change_base import base_of, current_digest, retried, set_of
from deployments.template_sets.display.version import version_of
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.template_files.template_set import TemplateSet

PAGE = "changes/change_environment.html"
CURRENT, DEPLOYED = "current", "deployed"


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "change")
def environment_change(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form with the current values, or request the preview of a change."""
    environment = environment_or_404(request, pk)
    context: dict[str, Any] = {"environment": environment, "held": held_sentence(environment)}
    if why := _why_not(environment):
        return render(
            request, PAGE, context | {"why_not": why}, status=422 if request.method == "POST" else 200
        )
    failed = retried(environment)
    base = failed or base_of(environment)
    earlier = _earlier(environment, request.POST.get("from") or request.GET.get("from"))
    if request.method != "POST" and (again := requested_again(earlier)):
        return redirect(again)
    try:
        template_set, version = _chosen(base, _wanted_set(request, earlier, base))
    except UserFixable as broken:
        return render(request, PAGE, context | {"broken": error_text(broken)}, status=503)
    form = ChangeForm(
        template_set,
        _start(environment, template_set, earlier, None if request.GET.get("from") else failed),
        base.parameters if base else {},
        request.POST or None,
        is_creation=failed is not None and not returns_to(environment),
        initial={"reason": earlier.reason} if earlier else {},
        cursor=request.GET.get("field", ""),
    )

    def requested() -> Deployment:
        return request_change(
            user=request.user,
            environment=environment,
            parameters=form.parameters(),
            reason=form.cleaned_data["reason"],
            request_key=form.cleaned_data["request_key"],
            current_set=version == CURRENT,
            version=version if isinstance(version, TemplateVersion) else None,
            is_retry="retry" in form.data,
        )

    if deployment := form.requested(requested):
        return redirect(deployment)
    context |= {"form": form, "layout": FormLayout(form), "base": base, **_versions(base, version)}
    context |= {"own_version": version_of(environment)}
    context |= {"failed": failed, "failed_change": _failed(earlier)}
    return render(request, PAGE, context, status=422 if form.is_bound else 200)


def _why_not(environment: Environment) -> str:
    """Return why the environment cannot be changed; "" if it can, now or when a deployment has ended."""
    if environment.deleted_at:
        return message_text(Message(Code.ENVIRONMENT_ALREADY_DELETED))
    if environment.missing_since or not environment.stack_id:
        return message_text(Message(Code.NOTHING_TO_CHANGE))
    if is_allowed(environment.stack_status, Operation.RETRY):
        return ""
    why = refusal(environment.stack_status, Operation.CHANGE)
    return message_text(why) if why and not environment.active_deployment else ""


def _earlier(environment: Environment, wanted: str | None) -> Deployment | None:
    """Return the change whose values the form begins with: one to edit, or one that failed."""
    return Deployment.objects.of(environment).updates().filter(pk=parse_number(wanted)).first()


def _failed(earlier: Deployment | None) -> Deployment | None:
    """Return the earlier change if it failed."""
    return earlier if earlier and earlier.is_failed_change else None


def _wanted_set(request: AuthedRequest, earlier: Deployment | None, base: Deployment | None) -> str:
    """Return the choice of a template set in the address or the form, else that of the earlier change."""
    chosen = request.POST.get("set") or request.GET.get("set", "")
    if chosen or earlier is None or (base and earlier.template_digest == base.template_digest):
        return chosen
    return str(earlier.template_version_id or CURRENT)


def _start(
    environment: Environment,
    template_set: TemplateSet,
    earlier: Deployment | None,
    failed: Deployment | None,
) -> dict[str, str]:
    """Return the initial values of the form: current ones, or those of an earlier or failed change.

    Parameters that are chosen once keep their values, and secrets are never returned to a page.
    """
    present: dict[str, str] = failed.parameters if failed else environment.parameters
    if failed or earlier is None:
        return present
    declared = template_set.parameters
    return present | {
        name: value
        for name, value in earlier.parameters.items()
        if name in declared and not declared[name].choose_once
    }


def _chosen(base: Deployment | None, wanted: str) -> tuple[TemplateSet, str | TemplateVersion]:
    """Return the template set of the form: that of a version, the current one, or else the deployed one.

    Raise UserFixable if it cannot be read.
    """
    version = TemplateVersion.objects.filter(pk=parse_number(wanted)).select_related("source").first()
    found, is_current = chosen_set(base, version, wants_current=wanted == CURRENT)
    return found, version or (CURRENT if is_current else DEPLOYED)


def _versions(base: Deployment | None, version: str | TemplateVersion) -> dict[str, Any]:
    """Return the template sets to choose from, and whether the deployed one is missing."""
    deployed = base.template_digest if base else ""
    current = current_digest()
    chosen = version if isinstance(version, TemplateVersion) else None
    return {
        "version": chosen.pk if chosen else version,
        "chosen": chosen,
        "deployed_digest": deployed,
        "current_digest": current,
        "has_newer": bool(current) and current != deployed and _is_of_the_bundled_set(base),
        "is_deployed_missing": version == CURRENT and not _is_stored(base),
    }


def _is_of_the_bundled_set(base: Deployment | None) -> bool:
    """Return whether a deployment has the bundled set, or an unknown one."""
    version = base.template_version if base else None
    return version is None or version.source.is_bundled


def _is_stored(base: Deployment | None) -> bool:
    try:
        return base is not None and bool(set_of(base))
    except UserFixable:
        return False
