"""The list of recordings, which are opened as replays, and the updates of a replay."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from deployments.access.commands.requesting import DEPLOY
from deployments.access.models.permissions import can, visible_deployments
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import deployment_or_404
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.pages.datetime_formats import iso
from deployments.common.pages.list_orders import ListOrder, read_moment
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.common.pages.locale import Locale
from deployments.deployment_pages import recordings
from deployments.deployment_pages.commands import request_recording
from deployments.deployment_pages.pages import page_updates
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of

IMPORTED = ListDeclaration(
    caption=gettext_lazy("Imported recordings: %(order)s"),
    searched=gettext_lazy("Environment or user"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=gettext_lazy("Newest import first")),
        "recorded": ListOrder(
            label=gettext_lazy("Oldest recording first"), column="created_at", read=read_moment
        ),
        "name": ListOrder(label=gettext_lazy("By environment"), column="environment__name"),
    },
    narrowings=[
        Narrowing(
            name="status",
            label=gettext_lazy("Status"),
            everything=gettext_lazy("All"),
            choices=[("problems", gettext_lazy("Problems"))],
            keep=lambda rows, value: rows.failed_or_rolled_back() if value == "problems" else rows,
        )
    ],
)


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
        "included": [_recorded(name, loaded.get(name)) for name in recordings.included()],
        "may_add": can(request.user, DEPLOY),
        **IMPORTED.context(recordings.imported(visible), request.GET),
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


@require_GET
@never_cache
def replay_update(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return the update from the event `?since=` to `?until=`; with all rows if it goes backward."""
    deployment = deployment_or_404(request, pk)
    if deployment.is_active:
        raise Http404("it has not ended")
    since = parse_number(request.GET.get("since"))
    until = min(parse_number(request.GET.get("until")), deployment.last_seq)
    past = as_of(deployment, until)
    view = DeploymentView.past(past)
    events = list(Event.objects.of(deployment).after(since).up_to(until)) if until >= since else None
    body = page_updates.replay_body(
        view, events, since=min(since, until), seq=until, locale=Locale.of(request)
    )
    return JsonResponse(body | {"now": iso(past.now)})
