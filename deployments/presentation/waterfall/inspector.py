"""The details of one row: why it stands as it does, its times beside its history, what it is tied to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.core.dependencies import ReferenceKind
from deployments.core.status import DisplayStatus, display_status
from deployments.core.timeline import at_ms
from deployments.core.usual_durations import DurationSource, UsualDuration
from deployments.models import Deployment, Event
from deployments.presentation import log
from deployments.presentation.log import LogLine
from deployments.presentation.text.datetime_formats import clock
from deployments.presentation.waterfall import aws_console, cache
from deployments.presentation.waterfall.aws_console import AwsLocation
from deployments.presentation.waterfall.rows import Row
from deployments.presentation.waterfall.tree import TreeNode, name_of, parent_of
from deployments.presentation.waterfall.view_model import DeploymentView

LAST = 8
"""Events that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRow:
    """Another row: its path, its name with the stacks around it, how it stands, and how the two are tied."""

    path: str
    name: str
    within: str
    display_status: DisplayStatus
    status: str
    way: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDetails:
    """What the inspector shows of a row. Times are None where nothing is known."""

    row: Row
    within: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    usual: str
    history: str
    expected_at: datetime | None
    waiting_for: Sequence[RelatedRow]
    depends_on: Sequence[RelatedRow]
    blocks: Sequence[RelatedRow]
    physical_id: str = ""
    arn: str = ""
    console: str = ""
    trail: str = ""
    facts: Sequence[tuple[Promise, str]] = ()
    events: Sequence[LogLine] = ()


def details_at(deployment: Deployment, path: str) -> RowDetails | None:
    """Return the details of the row at a path, None when there is none."""
    known = cache.get(deployment)
    if known is None or not known.is_fresh_for(deployment, deployment.last_seq):
        view = DeploymentView.whole(deployment)
    else:
        view = DeploymentView.part(deployment, [path], known)
    return _details(view, path)


def details_in(view: DeploymentView, wanted: str | None) -> RowDetails | None:
    """Return the details of the row that an address names, None when it names none that is there."""
    return None if wanted is None else _details(view, wanted.strip("/"))


def _details(view: DeploymentView, path: str) -> RowDetails | None:
    row = view.row(path)
    if row is None:
        return None
    node, line = view.tree.nodes.get(path), view.timeline.line(path)
    location = AwsLocation.of(view.deployment.stack_id, view.deployment.environment.account.region)
    type_, physical_id = (node.type, node.physical_id) if node else ("", "")
    is_real = not view.deployment.environment.account.is_sandbox
    expected = line.expected.end if line and line.expected and row.ended is None else None
    return RowDetails(
        row=row,
        within=" ▸ ".join(parent_of(path).split("/")) if parent_of(path) else "",
        started_at=at_ms(row.started) if row.started is not None else None,
        ended_at=at_ms(row.ended) if row.ended is not None else None,
        seconds=((row.ended or view.now) - row.started) / 1000 if row.started is not None else None,
        usual=_usual(line.usual) if line and line.usual and not row.is_stack else "",
        history=_history(line.usual) if line and line.usual and not row.is_stack else "",
        expected_at=at_ms(expected) if expected is not None else None,
        waiting_for=_related(view, ((w.path, w.way) for w in line.waiting_for)) if line else (),
        depends_on=_related(view, ((edge.path, edge.way) for edge in line.depends_on)) if line else (),
        blocks=_related(view, ((other, "") for other in line.blocks)) if line else (),
        physical_id=physical_id,
        arn=aws_console.arn(type_, physical_id, location),
        console=aws_console.page(type_, physical_id, location) if is_real else "",
        trail=aws_console.events_page(_trail_name(physical_id), location) if is_real and physical_id else "",
        facts=row.facts,
        events=_events(view.deployment, path, node) if node else (),
    )


def _related(view: DeploymentView, paths: Iterable[tuple[str, str]]) -> list[RelatedRow]:
    found = []
    for path, way in paths:
        line = view.timeline.line(path)
        node = view.tree.nodes.get(path)
        status = node.status if node else line.status if line else ""
        found.append(
            RelatedRow(
                path=path,
                name=name_of(path),
                within=parent_of(path).replace("/", " ▸ "),
                display_status=display_status(status),
                status=status,
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
    """Return what the usual duration was learned from."""
    if not usual.runs:
        return _("no history yet: published durations of this type")
    number = usual.runs
    if usual.source == DurationSource.HERE.value:
        said = ngettext("from %(count)d run here", "from %(count)d runs here", number)
    elif usual.source == DurationSource.TYPE.value:
        said = ngettext("from %(count)d run of this type", "from %(count)d runs of this type", number)
    else:
        said = ngettext("from %(count)d run elsewhere", "from %(count)d runs elsewhere", number)
    return said % {"count": number}


def _trail_name(physical_id: str) -> str:
    return physical_id.rpartition("/")[2] if physical_id.startswith("arn:") else physical_id


def _events(deployment: Deployment, path: str, node: TreeNode) -> list[LogLine]:
    """Read the last events of a resource, of a stack those that it and its parent tell of it."""
    events = Event.objects.of(deployment).about(
        parent_of(path) if path else None, name_of(path), own=path if node.is_stack else None
    )
    return [log.line(event) for event in events.reverse()[:LAST]]
