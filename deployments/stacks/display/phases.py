"""The phases of a deployment in the stepper of its pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import at_ms, runs
from deployments.common.pages import counts
from deployments.environments.display import headlines
from deployments.environments.display.badges import GLYPHS, LABELS
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State, display_status_of, phase_statuses
from deployments.stacks.display.tree import ResourceTree
from deployments.stacks.models.events import Event
from deployments.stacks.models.timeline import course_of
from deployments.stacks.rules.progress import turns_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of the work in the stepper."""

    name: str
    status: DisplayStatus
    detail: str
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def glyph(self) -> str:
        """Return the glyph of its status."""
        return GLYPHS[self.status]

    @property
    def label(self) -> str:
        """Return the label of its status."""
        return str(LABELS[self.status])

    @property
    def is_current(self) -> bool:
        """Return whether the deployment is in this phase."""
        return self.status in (DisplayStatus.PROGRESS, DisplayStatus.ROLLING_BACK)


def landmarks(deployment: Deployment) -> list[Event]:
    """Read the events of a summary (one query)."""
    return list(Event.objects.of(deployment).landmarks())


def preview_phases(deployment: Deployment) -> list[Phase]:
    """Return the phases of a change as its preview shows them, before there are rows of resources."""
    events = landmarks(deployment)
    return list(_phases(deployment, ResourceTree(), events, display_status_of(State(deployment.state))))


def _phases(
    deployment: Deployment, tree: ResourceTree, events: Sequence[Event], current: DisplayStatus
) -> Iterable[Phase]:
    state, last = State(deployment.state), State(deployment.last_phase)
    starts = {str(e.values.get("phase", "")): e.at for e in events if e.code == "phase"}
    starts[State.PREFLIGHT.value] = deployment.preflight_at
    details = _details(tree, events)
    back = _turned_back(deployment, tree)
    steps = phase_statuses(
        Kind(deployment.kind),
        state,
        last,
        optional=deployment.optional_phases,
        is_back=back,
    )
    turn = _turn(deployment, tree)
    if deployment.operation == "take_over":
        steps = steps[:1]  # it reads the stack and ends
    for number, (phase, at) in enumerate(steps):
        following = steps[number + 1][0] if number + 1 < len(steps) else None
        yield Phase(
            name=headlines.phase(phase),
            status=phase_status(deployment, phase, current if at is DisplayStatus.PROGRESS else at),
            detail=_phase_detail(at, details.get(phase, "")),
            started_at=starts.get(phase),
            ended_at=starts.get(following) if following in starts else turn or deployment.ended_at,
        )


def _phase_detail(at: DisplayStatus, detail: str) -> str:
    """Return what a phase has done, or that it did not run."""
    if at is DisplayStatus.NOT_RUN:
        return str(LABELS[at])
    return "" if at is DisplayStatus.PENDING else detail


def _turned_back(deployment: Deployment, tree: ResourceTree) -> bool:
    """Return whether CloudFormation is rolling back, or has rolled back, the deployment."""
    return turns_back(Kind(deployment.kind), tree.root_status, deployment.last_phase, tree.nested_statuses)


def _turn(deployment: Deployment, tree: ResourceTree) -> datetime | None:
    """Return when the root stack began to roll back the deployment; None if it did not."""
    root = tree.nodes.get("")
    turn = course_of(deployment, runs(root.changes)).turn if root else None
    return None if turn is None else at_ms(turn)


def phase_status(deployment: Deployment, phase: str, status: DisplayStatus) -> DisplayStatus:
    """Return the status of a phase; protection can fail in a deployment that succeeds."""
    is_failed = phase == State.PROTECT and deployment.protection == "failed"
    return DisplayStatus.FAILED if is_failed else status


def _details(tree: ResourceTree, events: Sequence[Event]) -> dict[State, str]:
    """Return a short text about each phase's results so far."""
    found: dict[State, str] = {}
    checked = sum(event.code.startswith("preflight.") for event in events)
    if checked:
        found[State.PREFLIGHT] = counts.checks(checked)
    for event in events:
        if event.code == "artifacts.uploaded":
            found[State.ARTIFACTS] = counts.objects(sum(int(v) for v in event.values.values()))
        elif event.code == "change_set.created":
            found[State.CHANGE_SET] = counts.resources(int(event.values.get("resources", 0)))
    if tree.count.total:
        found[State.STACKS] = _("%(done)d of %(total)d") % {
            "done": tree.count.done,
            "total": tree.count.total,
        }
    return found
