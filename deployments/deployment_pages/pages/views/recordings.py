"""The included recordings, to try the page of a deployment without a deployment."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import DEPLOY
from deployments.access.models.permissions import can, visible_deployments
from deployments.access.pages.requests import AuthedRequest, may
from deployments.common.errors import UserFixable
from deployments.deployment_pages import recordings
from deployments.deployment_pages.commands import request_recording
from deployments.deployment_pages.pages.recording_list import rows_context
from deployments.environments.models.deployments import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    """A recording in the list."""

    name: str
    title: str
    about: str
    url: str  # of its page, once it has been opened
    facts: recordings.RecordingSummary


@require_GET
def recording_list(request: AuthedRequest) -> HttpResponse:
    """Show the recordings."""
    visible = visible_deployments(request.user)
    loaded = recordings.loaded_included(visible)
    context = {
        "rows": [_recorded(name, loaded.get(name)) for name in recordings.included()],
        "may_add": can(request.user, DEPLOY),
        **rows_context(request.GET, visible),
    }
    return render(request, "deployment_pages/recordings.html", context)


@require_POST
@may(DEPLOY, "import_recording")
def recording_open(request: AuthedRequest, name: str) -> HttpResponse:
    """Import a recording unless it has been imported, and redirect to its replay."""
    try:
        deployment = request_recording(user=request.user, name=name)
    except UserFixable as exc:
        raise Http404(exc.message) from exc
    return redirect(_replay(deployment))


def _replay(deployment: Deployment) -> str:
    return f"{deployment.get_absolute_url()}?replay=1"


def _recorded(name: str, loaded: Deployment | None) -> RecordingRow:
    known = {
        "success": (
            _("A creation that succeeds"),
            _(
                "Nine nested stacks are created in the sandbox, the servers are configured, the site "
                "responds."
            ),
        ),
        "success-at-aws-speed": (
            _("A creation at AWS's speed"),
            _(
                "The sandbox takes as long as AWS usually does. The durations are the sandbox's; they were "
                "not measured on AWS."
            ),
        ),
        "failure": (
            _("A creation that fails in a nested stack and is rolled back"),
            _("A resource of a nested stack fails; its siblings are canceled and everything is rolled back."),
        ),
        "update": (
            _("An update"),
            _("A parameter changes; CloudFormation replaces only the affected resources."),
        ),
    }
    title, about = known.get(name, (name, ""))
    return RecordingRow(
        name=name,
        title=title,
        about=about,
        url=_replay(loaded) if loaded else "",
        facts=recordings.facts(name),
    )
