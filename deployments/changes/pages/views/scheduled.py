"""The page of a creation that waits for its time, and the choices of when an environment is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import DEPLOY
from deployments.access.pages.requests import AuthedRequest, may, reload_if
from deployments.access.pages.visible import deployment_or_404
from deployments.changes.commands.schedule import reschedule
from deployments.changes.pages import schedule
from deployments.changes.pages.forms.create import NewEnvironmentForm
from deployments.changes.pages.schedule import sent_time
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text, message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.locks.models import Hold, freeze_hold, lock_hold


@require_GET
@never_cache
def scheduled_creation(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a creation that waits for its time; for htmx whether this has changed."""
    deployment = deployment_or_404(request, pk)
    if not request.htmx:
        if not deployment.is_scheduled_creation:
            return redirect(deployment)
        return render(request, "changes/scheduled_creation.html", scheduled_context(deployment))
    moved_to = "" if deployment.is_scheduled_creation else deployment.get_absolute_url()
    return reload_if(request, marker=marker(deployment), moved_to=moved_to)


@require_POST
@may(DEPLOY, "reschedule")
def scheduled_time_change(request: AuthedRequest, pk: int) -> HttpResponse:
    """Give a creation that waits another time, or begin it now."""
    deployment = deployment_or_404(request, pk)
    sent = request.POST.dict()
    try:
        at = None if "now" in sent else schedule.scheduled_time(sent | {"when": schedule.LATER})
        return redirect(reschedule(user=request.user, deployment=deployment, scheduled_for=at))
    except UserFixable as problem:
        if problem.field == schedule.FIELD and deployment.is_scheduled_creation:
            context = scheduled_context(deployment, sent, error_text(problem))
            return render(request, "changes/scheduled_creation.html", context, status=422)
        messages.error(request, error_text(problem))
        return redirect(deployment)


def scheduled_context(
    deployment: Deployment, sent: Mapping[str, str] | None = None, schedule_error: str = ""
) -> dict[str, Any]:
    """Return the context of the page. `held` is why it cannot begin now, or at its scheduled time.

    `sent` is a form with another time, and `schedule_error` why that time cannot be chosen.
    """
    hold = _hold(deployment)
    at = deployment.scheduled_for
    freeze = freeze_hold(deployment.environment.account)
    return {
        "local_time": f"{timezone.localtime(at):%Y-%m-%dT%H:%M}" if at else "",
        "zone": timezone.get_current_timezone_name(),
        "sent": sent,
        "schedule_error": schedule_error,
        "frozen": message_text(freeze.message) if freeze else "",
        "deployment": deployment,
        "environment": deployment.environment,
        "version": deployment.template_version,
        "is_due": deployment.state == State.QUEUED,
        "held": message_text(hold.message) if hold else "",
        "marker": marker(deployment),
    }


def marker(deployment: Deployment) -> str:
    """Return a text that changes whenever the content of the page changes."""
    hold = _hold(deployment)
    held = hold.marker if hold else ""
    at = deployment.scheduled_for.timestamp() if deployment.scheduled_for else ""
    return f"{deployment.state}-{at}-{deployment.is_cancel_pending}-{deployment.attention_code}-{held}"


def _hold(deployment: Deployment) -> Hold | None:
    environment = deployment.environment
    now = timezone.now()
    at = max(deployment.scheduled_for or now, now)
    return lock_hold(environment, at) or freeze_hold(environment.account, at)


def creation_choices(form: NewEnvironmentForm, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the choices of the form of a new environment.

    The end of a freeze is offered if its account is known: the only one, or that of a form that was `sent`.
    """
    only = form.accounts[0] if len(form.accounts) == 1 else None
    wanted = parse_number(sent.get("account"))
    account = only or next((one for one in form.accounts if one.pk == wanted), None)
    now = freeze_hold(account) if account else None
    at = sent_time(sent)
    freeze = freeze_hold(account, at) if account and at else now
    return schedule.choices(sent, freeze, is_not_now=only is not None and now is not None) | {
        "sent": sent,
        "schedule_error": form.schedule_error,
        "zone": timezone.get_current_timezone_name(),
    }
