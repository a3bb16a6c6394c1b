"""The version of an environment: compare it with another one, preview the change, choose the channel."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import CHANGE
from deployments.access.models.permissions import Person, visible_environments
from deployments.access.pages.requests import AuthedRequest, ShownRefusals, may, request_key_of
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.preview import request_version
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text
from deployments.environments.display.tab_urls import CONFIGURATION, tab_url
from deployments.environments.models.environments import Environment
from deployments.locks.display.holds import held_sentence
from deployments.stacks.commands.change_base import base_of, set_of
from deployments.template_sets.commands import versions
from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.display.version import EnvironmentVersion, version_of, versions_between
from deployments.template_sets.display.version_diff import VersionDiff, version_diff
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.rules.channels import is_earlier

MAX_CHOICES = 200
MAX_PROMOTIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePage:
    """The content of the page. `to` is the version to compare with, None without one.

    `is_back`: it is earlier than the environment's version. `why_not` is why nothing can be compared.
    """

    own: EnvironmentVersion
    to: TemplateVersion | None = None
    diff: VersionDiff | None = None
    why_not: str = ""
    is_back: bool = False
    between: tuple[TemplateVersion, ...] = ()
    choices: tuple[TemplateVersion, ...] = ()
    promotions: tuple[Environment, ...] = ()

    @property
    def is_withdrawn(self) -> bool:
        """Return whether nothing may be deployed from the version."""
        return self.to is not None and self.to.status == "withdrawn"

    @property
    def is_same(self) -> bool:
        """Return whether the environment has this version."""
        return self.to is not None and self.to == self.own.version


def update_page(environment: Environment, wanted: int, user: Person) -> UpdatePage:
    """Return the page about the version with the key `wanted`, or about the one that the channel offers."""
    own = version_of(environment)
    chosen = TemplateVersion.objects.select_related("source", "fetched_by").filter(pk=wanted).first()
    to = chosen or own.target or _newest(own.version)
    source = to.source if to else None
    own_set = own.version.source if own.version else None
    choices = [*TemplateVersion.objects.of(own_set).select_related("source")[:MAX_CHOICES]] if own_set else []
    choices += TemplateVersion.objects.of_other_sets(own_set.pk if own_set else 0)[:MAX_CHOICES]
    ready = visible_environments(user).ready_from(source.pk).exclude(pk=environment.pk) if source else ()
    diff, why_not = _diff(environment, to)
    own_version = own.version
    return UpdatePage(
        own=own,
        to=to,
        diff=diff,
        why_not=why_not,
        is_back=_is_back(own_version, to),
        between=tuple(versions_between(own_version, to, environment.channel)) if own_version and to else (),
        choices=tuple(choices),
        promotions=tuple(ready[:MAX_PROMOTIONS]),
    )


def _is_back(own: TemplateVersion | None, to: TemplateVersion | None) -> bool:
    """Return whether a version is earlier than that of the environment."""
    if own is None or to is None:
        return False
    return own.source_id == to.source_id and is_earlier(to.facts, own.facts)


def _newest(own: TemplateVersion | None) -> TemplateVersion | None:
    """Return the newest active version of the same set; None if there is none."""
    return TemplateVersion.objects.of(own.source).active().select_related("source").first() if own else None


def _diff(environment: Environment, to: TemplateVersion | None) -> tuple[VersionDiff | None, str]:
    """Return the differences, or why they cannot be shown."""
    base = base_of(environment)
    if base is None or to is None:
        return None, ""
    try:
        before, after = set_of(base), set_of_version(to)
    except UserFixable as missing:
        return None, error_text(missing)
    return version_diff(before, after), ""


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
    with ShownRefusals(request):
        channel = versions.set_channel(
            user=request.user, environment=environment, channel=request.POST.get("channel", "")
        )
        now = _("The environment follows %(channel)s.") % {"channel": channel}
        messages.success(request, now if channel else _("The environment follows no channel."))
    return redirect(f"{tab_url(environment, CONFIGURATION)}#template-version")


@require_POST
@may(CHANGE, "resume_updates")
def environment_resume_updates(request: AuthedRequest, pk: int) -> HttpResponse:
    """Let the channel offer the version again that somebody rolled back from."""
    environment = environment_or_404(request, pk)
    with ShownRefusals(request):
        versions.resume_updates(user=request.user, environment=environment)
        messages.success(request, _("Updates are resumed."))
    return redirect(f"{tab_url(environment, CONFIGURATION)}#template-version")
