"""What stands above the tree: how far a deployment is, its phases, what went wrong and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from deployments.core.phases import Kind, State, display_status_of, phase_statuses
from deployments.core.progress import ProgressCount
from deployments.core.root_cause import Failure, root_cause
from deployments.core.status import DisplayStatus, is_rollback
from deployments.models import Deployment, Event
from deployments.presentation import failure_banner
from deployments.presentation.badges import GLYPHS, LABELS
from deployments.presentation.failure_banner import FailureBanner
from deployments.presentation.text import wording
from deployments.presentation.waterfall.tree import ResourceTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of the work as the stepper shows it."""

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
        """Tell whether the deployment is in this phase."""
        return self.status in (DisplayStatus.PROGRESS, DisplayStatus.ROLLING_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything above the tree. `percent` is the progress in time, None while nothing is known of it."""

    status: DisplayStatus
    count: ProgressCount
    percent: int | None
    phases: Sequence[Phase]
    banner: FailureBanner | None
    headline: str
    is_latest: bool
    has_ended: bool

    @property
    def meter_total(self) -> int:
        """Return the maximum of the progress bar."""
        return 100

    @property
    def meter_done(self) -> int:
        """Return the value of the progress bar: full after the end, whatever that was."""
        return self.meter_total if self.has_ended else self.percent or 0

    @property
    def failure(self) -> Failure | None:
        """Return what failed first."""
        return self.banner.leaf if self.banner else None

    def title(self, deployment: Deployment) -> str:
        """Return the page's title: it carries the state, for tabs in the background."""
        if not deployment.is_active or self.percent is None:
            return f"{GLYPHS[self.status]} {deployment.environment.name}"
        return f"{GLYPHS[self.status]} {self.percent} % · {deployment.environment.name}"


def landmarks(deployment: Deployment) -> list[Event]:
    """Read the events that a summary is made of (one query)."""
    return list(Event.objects.of(deployment).landmarks())


def summarise(
    deployment: Deployment, tree: ResourceTree, events: Sequence[Event], percent: int | None
) -> Summary:
    """Return what stands above the tree, from rows that were read; `percent` as in `Summary`."""
    state = State(deployment.state)
    is_latest = deployment.environment.latest_id == deployment.pk
    back = is_rollback(tree.root_status)
    current = DisplayStatus.ROLLING_BACK if back and deployment.is_active else display_status_of(state)
    return Summary(
        status=current,
        count=tree.count,
        percent=100 if state is State.SUCCEEDED else percent,
        phases=list(_phases(deployment, tree, events, current)),
        banner=failure_banner.of_failure(deployment, root_cause(_failures(events)), is_latest=is_latest)
        or failure_banner.of_readiness(deployment, is_latest=is_latest),
        headline=_headline(deployment),
        is_latest=is_latest,
        has_ended=deployment.ended_at is not None,
    )


def _failures(events: Iterable[Event]) -> list[Failure]:
    return [failure for event in events if (failure := event.as_failure())]


def _headline(deployment: Deployment) -> str:
    name, deleting = deployment.environment.name, deployment.kind == Kind.DELETE
    if deployment.is_active:
        return wording.attention(deployment.attention_code) if deployment.attention_code else ""
    if deployment.state != State.SUCCEEDED:
        return wording.error(deployment.error_code, kind=deployment.kind)
    if deleting:
        return _("%(name)s is deleted") % {"name": name}
    if deployment.kind == Kind.UPDATE:
        return _("%(name)s updated") % {"name": name}
    return _("%(name)s created") % {"name": name}


def _phases(
    deployment: Deployment, tree: ResourceTree, events: Sequence[Event], current: DisplayStatus
) -> Iterable[Phase]:
    state, last = State(deployment.state), State(deployment.last_phase)
    starts = {str(e.values.get("phase", "")): e.at for e in events if e.code == "phase"}
    starts[State.PREFLIGHT.value] = deployment.created_at
    details = _details(tree, events)
    steps = phase_statuses(Kind(deployment.kind), state, last, protects=deployment.protects)
    for number, (phase, at) in enumerate(steps):
        following = steps[number + 1][0] if number + 1 < len(steps) else None
        yield Phase(
            name=wording.phase(phase),
            status=current if at is DisplayStatus.PROGRESS else at,
            detail=details.get(phase, "") if at is not DisplayStatus.PENDING else "",
            started_at=starts.get(phase),
            ended_at=starts.get(following) if following in starts else deployment.ended_at,
        )


def _details(tree: ResourceTree, events: Sequence[Event]) -> dict[State, str]:
    """Return what each phase has done so far, in a few words."""
    found: dict[State, str] = {}
    checked = sum(event.code.startswith("preflight.") for event in events)
    if checked:
        found[State.PREFLIGHT] = wording.checks(checked)
    for event in events:
        if event.code == "artifacts.uploaded":
            found[State.ARTIFACTS] = wording.objects(sum(int(v) for v in event.values.values()))
        elif event.code == "change_set.created":
            found[State.CHANGE_SET] = wording.resources(int(event.values.get("resources", 0)))
    if tree.count.total:
        found[State.STACKS] = _("%(done)d of %(total)d") % {
            "done": tree.count.done,
            "total": tree.count.total,
        }
    return found
