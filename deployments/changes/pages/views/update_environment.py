"""The version of an environment: compare it with another one, preview the change, choose the channel."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may, request_key_of
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.preview import request_version
from deployments.changes.pages.update_page import update_page
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text
from deployments.environments.display.tab_urls import CONFIGURATION, tab_url
from deployments.locks.display.holds import held_sentence
from deployments.template_sets.commands import versions
from deployments.template_sets.models.versions import TemplateVersion

PAGE = "changes/update_environment.html"


@require_GET
@gzip_page
def environment_update(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the differences between the environment's version and another one."""
    environment = environment_or_404(request, pk)
    context = {
        "environment": environment,
        "page": update_page(environment, parse_number(request.GET.get("to")), request.user),
        "held": held_sentence(environment),
        "request_key": uuid.uuid4(),
    }
    return render(request, PAGE, context)


@require_POST
@may(CHANGE, "change")
def environment_update_preview(request: AuthedRequest, pk: int, version: int) -> HttpResponse:
    """Request the preview of a change to a version with unchanged parameters."""
    environment = environment_or_404(request, pk)
    to = get_object_or_404(TemplateVersion, pk=version)
    key, reason = request_key_of(request), request.POST.get("reason", "")[:200]
    try:
        return redirect(
            request_version(
                user=request.user, environment=environment, version=to, reason=reason, request_key=key
            )
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        if problem.field:  # the form has a field for it
            return redirect(f"{reverse('environment_change', args=[pk])}?set={version}")
    return redirect(f"{reverse('environment_update', args=[pk])}?to={version}")


@require_POST
@may(CHANGE, "set_channel")
def environment_channel(request: AuthedRequest, pk: int) -> HttpResponse:
    """Choose the channel that the environment follows."""
    environment = environment_or_404(request, pk)
    try:
        channel = versions.set_channel(
            user=request.user, environment=environment, channel=request.POST.get("channel", "")
        )
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        now = _("The environment follows %(channel)s.") % {"channel": channel}
        messages.success(request, now if channel else _("The environment follows no channel."))
    return redirect(f"{tab_url(environment, CONFIGURATION)}#template-version")


@require_POST
@may(CHANGE, "resume_updates")
def environment_resume_updates(request: AuthedRequest, pk: int) -> HttpResponse:
    """Let the channel offer the version again that somebody rolled back from."""
    environment = environment_or_404(request, pk)
    try:
        versions.resume_updates(user=request.user, environment=environment)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        messages.success(request, _("Updates are resumed."))
    return redirect(f"{tab_url(environment, CONFIGURATION)}#template-version")
