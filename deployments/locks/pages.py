"""The pages that lock an environment, unlock it, and break the lock of another user, with their forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import BREAK_LOCK, LOCK
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may
from deployments.access.pages.visible import environment_or_404
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import zone_text
from deployments.environments.models.environments import Environment
from deployments.locks.commands import locks
from deployments.locks.display.holds import lock_view
from deployments.locks.models import MAX_REASON

PAGE = "locks/lock_environment.html"


@require_http_methods(["GET", "HEAD", "POST"])
@may(LOCK, "lock")
@never_cache
def environment_lock(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form that locks an environment, or lock it."""
    environment = environment_or_404(request, pk)
    form = LockForm(request.POST or None)
    if form.requested(
        lambda: locks.lock_environment(user=request.user, environment=environment, **form.cleaned_data)
    ):
        messages.success(request, _("%(name)s is locked.") % {"name": environment.name})
        return redirect(environment)
    return _page(request, environment, form, "environment_lock")


@require_POST
@may(LOCK, "unlock")
def environment_unlock(request: AuthedRequest, pk: int) -> HttpResponse:
    """Unlock an environment that the user has locked."""
    environment = environment_or_404(request, pk)
    with ShownRefusals(request):
        locks.unlock_environment(user=request.user, environment=environment)
        messages.success(request, _("%(name)s is unlocked.") % {"name": environment.name})
    return redirect(environment)


@require_http_methods(["GET", "HEAD", "POST"])
@may(BREAK_LOCK, "break_lock")
@never_cache
def environment_break_lock(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form that breaks the lock of another user, or break it."""
    environment = environment_or_404(request, pk)
    form = BreakLockForm(request.POST or None)
    if form.accepted(
        lambda: locks.break_lock(user=request.user, environment=environment, **form.cleaned_data)
    ):
        messages.success(request, _("The lock of %(name)s is broken.") % {"name": environment.name})
        return redirect(environment)
    return _page(request, environment, form, "environment_break_lock")


def _page(
    request: AuthedRequest, environment: Environment, form: LockForm | BreakLockForm, name: str
) -> HttpResponse:
    context: dict[str, Any] = {
        "environment": environment,
        "form": form,
        "breaks": name == "environment_break_lock",
        "target": name,
        "lock": lock_view(environment, request.user),
    }
    return render(request, PAGE, context, status=422 if form.is_bound else 200)


class LockForm(ReasonedForm):
    """Why the environment is locked, and until when."""

    request_key = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        help_text=gettext_lazy("Displayed to everybody whose request is refused."),
    )
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as Django's own
        zone = zone_text(timezone.localtime())
        self.fields["expires_at"].help_text = _(
            "In your time zone, %(zone)s. Leave empty to keep the lock until it is released."
        ) % {"zone": zone}


class BreakLockForm(ReasonedForm):
    """Why the lock of another user is broken."""

    request_key = None  # type: ignore[assignment]
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        help_text=gettext_lazy("Recorded, and shown in the history of the environment."),
    )
