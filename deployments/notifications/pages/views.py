"""The pages of notifications: targets, the log of deliveries, and tests."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import visible_environments
from deployments.access.pages.requests import AuthedRequest
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.notifications import commands
from deployments.notifications.display.view_models import destination_context, destinations_context
from deployments.notifications.models import Delivery, NotificationTarget
from deployments.notifications.pages.forms import DestinationForm

FORM = "notifications/notification_form.html"


@require_GET
def notification_list(request: AuthedRequest) -> HttpResponse:
    """Show the targets of notifications, filtered by the query."""
    return render(
        request, "notifications/notifications.html", destinations_context(request.GET, request.user)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def notification_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new target, or add it and show its secret, once."""
    form = _form(request, None)
    saved = _saved(request, form, None)
    if saved is not None and not saved.secret:
        return redirect(saved.target)
    if saved is not None:
        context = {"target": saved.target, "secret": saved.secret}
        return render(request, "notifications/notification_secret.html", context)
    return render(request, FORM, {"form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def notification_edit(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form of a target, or change it."""
    target = _destination(request, pk)
    form = _form(request, target)
    if saved := _saved(request, form, target):
        return redirect(saved.target)
    return render(request, FORM, {"form": form, "target": target}, status=422 if form.is_bound else 200)


@require_GET
@vary_on_headers("HX-Request")
def notification(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a target with the log of its deliveries; for htmx only the body."""
    part = "notifications/_notification_body.html"
    page = part if request.htmx else "notifications/notification.html"
    return render(request, page, destination_context(request.user, _destination(request, pk)))


@require_POST
def notification_test(request: AuthedRequest, pk: int) -> HttpResponse:
    """Send a test message."""
    target = _destination(request, pk)
    try:
        commands.request_test(user=request.user, target=target)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{target.get_absolute_url()}#log")


@require_POST
@never_cache
def notification_rotate(request: AuthedRequest, pk: int) -> HttpResponse:
    """Create a new signing secret, and show it once."""
    target = _destination(request, pk)
    try:
        secret = commands.rotate_secret(user=request.user, target=target)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(target)
    target.refresh_from_db()
    context = {"target": target, "secret": secret}
    return render(request, "notifications/notification_secret.html", context)


@require_POST
def notification_switch(request: AuthedRequest, pk: int) -> HttpResponse:
    """Switch a target on or off."""
    target = _destination(request, pk)
    commands.set_enabled(user=request.user, target=target, on="on" in request.POST)
    return redirect(target)


@require_POST
def notification_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove a target."""
    target = _destination(request, pk)
    commands.remove_destination(user=request.user, target=target)
    messages.success(request, _("%(name)s is removed.") % {"name": target.name})
    return redirect("notifications")


@require_POST
def notification_retry(request: AuthedRequest, pk: int, delivery: int) -> HttpResponse:
    """Resend a delivery that was given up."""
    target = _destination(request, pk)
    row = get_object_or_404(Delivery.objects.of(target), pk=delivery)
    try:
        commands.request_retry(user=request.user, delivery=row)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    return redirect(f"{target.get_absolute_url()}#log")


def _destination(request: AuthedRequest, pk: int) -> NotificationTarget:
    environments = visible_environments(request.user)
    return get_object_or_404(NotificationTarget.objects.visible_to(request.user, environments), pk=pk)


def _form(request: AuthedRequest, target: NotificationTarget | None) -> DestinationForm:
    return DestinationForm(
        request.POST or None,
        target=target,
        environments=visible_environments(request.user).live().without_recordings(),
        may_share=commands.may_set_up(request.user, shared=True),
    )


def _saved(
    request: AuthedRequest, form: DestinationForm, target: NotificationTarget | None
) -> commands.Saved | None:
    """Return the saved target of a valid form; None if it is invalid, with the errors in the form."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return commands.save_destination(
            user=request.user,
            target=target,
            values=form.values(),
            address=form.cleaned_data["address"],
            shared=form.cleaned_data.get("shared", False),
            kind=form.cleaned_data.get("kind", "webhook"),
        )
    except UserFixable as problem:
        form.reject(problem)
        return None
