"""The details of one row: the reason for its status, its times and history, and related rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.pages.visible import deployment_or_404
from deployments.cloudformation.dependencies import ReferenceKind
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import at_ms
from deployments.cloudformation.usual_durations import DurationSource, UsualDuration
from deployments.common.pages.datetime_formats import clock
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages import log
from deployments.deployment_pages.pages.log import LogLine
from deployments.deployment_pages.pages.waterfall import aws_console, cache
from deployments.deployment_pages.pages.waterfall.after_failure import StepAfterFailure, steps_after_failure
from deployments.deployment_pages.pages.waterfall.aws_console import AwsLocation
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display.paths import name_of, parent_of
from deployments.stacks.display.tree import TreeNode
from deployments.stacks.models.events import Event
from deployments.stacks.models.timeline import TimelineRow

LAST = 8
"""Maximum number of events shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRow:
    """A related row: its path, its name with its parent stacks, its status, and the relation."""

    path: str
    name: str
    within: str
    display_status: DisplayStatus
    status: str
    way: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTimes:
    """The start, end or expected end of a row and its usual duration; None or "" if unknown."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    expected_at: datetime | None = None
    usual: str = ""
    history: str = ""
    back_at: datetime | None = None
    back_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIdentity:
    """A resource in AWS: its ids, and its pages in the AWS console and CloudTrail; "" for none."""

    physical_id: str = ""
    arn: str = ""
    console: str = ""
    trail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDetails:
    """The content of the inspector for one row."""

    row: Row
    within: str
    times: RowTimes
    aws: AwsIdentity
    waiting_for: Sequence[RelatedRow] = ()
    depends_on: Sequence[RelatedRow] = ()
    blocks: Sequence[RelatedRow] = ()
    facts: Sequence[tuple[Promise, str]] = ()
    events: Sequence[LogLine] = ()
    followed: Sequence[StepAfterFailure] = ()


def details_at(deployment: Deployment, path: str) -> RowDetails | None:
    """Return the details of the row at a path; None if there is none."""
    known = cache.get(deployment)
    if known is None or not known.is_fresh_for(deployment, deployment.last_seq):
        view = DeploymentView.whole(deployment)
    else:
        view = DeploymentView.part(deployment, [path], known)
    return _details(view, path)


def details_in(view: DeploymentView, wanted: str | None) -> RowDetails | None:
    """Return the details of the row in an address; None if it has none that exists."""
    return None if wanted is None else _details(view, wanted.strip("/"))


def _details(view: DeploymentView, path: str) -> RowDetails | None:
    row = view.row(path)
    if row is None:
        return None
    node = view.tree.nodes.get(path)
    line = view.timeline.line(path) or TimelineRow(path=path, type="")
    return RowDetails(
        row=row,
        within=parent_of(path).replace("/", " ▸ "),
        times=_times(row, line),
        aws=_identity(view.deployment, node) if node else AwsIdentity(),
        waiting_for=_related(view, ((waiting.path, waiting.way) for waiting in line.waiting_for)),
        depends_on=_related(view, ((edge.path, edge.way) for edge in line.depends_on)),
        blocks=_related(view, ((other, "") for other in line.blocks)),
        facts=row.facts,
        events=_events(view.deployment, path, node) if node else (),
        followed=steps_after_failure(view) if path == view.first_failure else (),
    )


def _times(row: Row, line: TimelineRow) -> RowTimes:
    expected = line.expected.end if line.expected and row.ended is None else None
    usual = None if row.is_stack else line.usual
    return RowTimes(
        started_at=_moment(row.started),
        ended_at=_moment(row.ended),
        expected_at=_moment(expected),
        usual=_usual(usual) if usual else "",
        history=_history(usual) if usual else "",
        back_at=_moment(row.back.start) if row.back else None,
        back_ended_at=_moment(row.back.end) if row.back else None,
    )


def _moment(ms: float | None) -> datetime | None:
    return None if ms is None else at_ms(ms)


def _identity(deployment: Deployment, node: TreeNode) -> AwsIdentity:
    account = deployment.environment.account
    location = AwsLocation.of(deployment.stack_id, account.region)
    arn = aws_console.arn(node.type, node.physical_id, location)
    if account.is_sandbox or not node.physical_id:
        return AwsIdentity(physical_id=node.physical_id, arn=arn)
    return AwsIdentity(
        physical_id=node.physical_id,
        arn=arn,
        console=aws_console.page(node.type, node.physical_id, location),
        trail=aws_console.events_page(_trail_name(node.physical_id), location),
    )


def _related(view: DeploymentView, paths: Iterable[tuple[str, str]]) -> list[RelatedRow]:
    found = []
    for path, way in paths:
        line = view.timeline.line(path)
        found.append(
            RelatedRow(
                path=path,
                name=name_of(path),
                within=parent_of(path).replace("/", " ▸ "),
                display_status=view.status_at(path),
                status=line.status if line else "",
                way=_relation(way),
            )
        )
    return found


def _relation(way: str) -> str:
    return _("through a parameter") if way == ReferenceKind.PARAMETER.value else way


def _usual(usual: UsualDuration) -> str:
    values = {"middle": clock(usual.seconds), "low": clock(usual.low), "high": clock(usual.high)}
    return _("%(middle)s (%(low)s–%(high)s)") % values


def _history(usual: UsualDuration) -> str:
    """Return the source of the usual duration."""
    if not usual.runs:
        return _("no history yet: published durations of this type")
    number = usual.runs
    if usual.source == DurationSource.HERE.value:
        phrase = ngettext("from %(count)d run here", "from %(count)d runs here", number)
    elif usual.source == DurationSource.TYPE.value:
        phrase = ngettext("from %(count)d run of this type", "from %(count)d runs of this type", number)
    else:
        phrase = ngettext("from %(count)d run elsewhere", "from %(count)d runs elsewhere", number)
    return phrase % {"count": number}


def _trail_name(physical_id: str) -> str:
    return physical_id.rpartition("/")[2] if physical_id.startswith("arn:") else physical_id


def _events(deployment: Deployment, path: str, node: TreeNode) -> list[LogLine]:
    """Read the last events of a resource; for a stack, those in its own events and in its parent's."""
    events = Event.objects.of(deployment).about(
        parent_of(path) if path else None, name_of(path), own=path if node.is_stack else None
    )
    return [log.line(event) for event in events.reverse()[:LAST]]


@require_GET
@never_cache
def deployment_row(request: HttpRequest, pk: int, path: str = "") -> HttpResponse:
    """Show the details of the row at a path; the root's is ""."""
    deployment = deployment_or_404(request, pk)
    details = details_at(deployment, path.strip("/"))
    if details is None:
        raise Http404
    return render(request, "deployment_pages/_inspector.html", {"details": details, "deployment": deployment})
