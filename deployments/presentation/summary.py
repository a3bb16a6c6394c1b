"""The summary above the tree: a deployment's progress, its phases, problems and next steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from deployments.actions.clean_up import may_clean_up
from deployments.core.causes.catalogue import recognize
from deployments.core.phases import DELETING, Kind, State, display_status_of, phase_statuses
from deployments.core.progress import ProgressCount, turns_back
from deployments.core.root_cause import Failure, first_failure, root_cause
from deployments.core.status import DisplayStatus
from deployments.core.timeline import at_ms, runs
from deployments.models import Deployment, Event
from deployments.models.deployment import NOT_APPLIED
from deployments.models.remaining import remaining_of
from deployments.models.timeline import course_of, failures_of
from deployments.presentation import failure_banner
from deployments.presentation.badges import GLYPHS, LABELS
from deployments.presentation.failure_banner import FailureBanner
from deployments.presentation.recovery_options import SuggestedAction, clean_up, retry
from deployments.presentation.text import counts, headlines
from deployments.presentation.waterfall.progress import DisplayedProgress
from deployments.presentation.waterfall.tree import ResourceTree


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything above the tree. `progress` is the share of time; after the end, the bar is full."""

    status: DisplayStatus
    count: ProgressCount
    progress: DisplayedProgress
    phases: Sequence[Phase]
    banner: FailureBanner | None
    headline: str
    is_latest: bool
    has_ended: bool
    turned_at: datetime | None = None
    retry: SuggestedAction | None = None

    @property
    def meter_total(self) -> int:
        """Return the maximum of the progress bar."""
        return 100

    @property
    def meter_done(self) -> int:
        """Return the value of the progress bar: full after any end."""
        return self.meter_total if self.has_ended else self.progress.percent or 0

    @property
    def failure(self) -> Failure | None:
        """Return the first failure."""
        return self.banner.leaf if self.banner else None

    def title(self, deployment: Deployment) -> str:
        """Return the page's title; it includes the state for background tabs."""
        number = _("Deployment %(number)s") % {"number": deployment.pk}
        text = f"{_job(deployment)} · {number}"
        if deployment.is_active and self.progress.number is not None:
            return f"{GLYPHS[self.status]} {self.progress.number} % · {text}"
        return f"{GLYPHS[self.status]} {text}"


def landmarks(deployment: Deployment) -> list[Event]:
    """Read the events of a summary (one query)."""
    return list(Event.objects.of(deployment).landmarks())


def summarise(
    deployment: Deployment, tree: ResourceTree, events: Sequence[Event], progress: DisplayedProgress
) -> Summary:
    """Return the summary above the tree, from rows that were read."""
    state = State(deployment.state)
    is_latest = deployment.environment.latest_id == deployment.pk
    back = _turned_back(deployment, tree)
    current = DisplayStatus.ROLLING_BACK if back and deployment.is_active else display_status_of(state)
    return Summary(
        status=current,
        count=tree.count,
        progress=progress,
        phases=list(_phases(deployment, tree, events, current)),
        banner=_banner(deployment, tree, events, is_latest=is_latest),
        headline=_headline(deployment),
        is_latest=is_latest,
        has_ended=deployment.ended_at is not None,
        retry=_retry(deployment),
        turned_at=_turn(deployment, tree),
    )


def preview_phases(deployment: Deployment) -> list[Phase]:
    """Return the phases of a change as its preview shows them, before there are rows of resources."""
    events = landmarks(deployment)
    return list(_phases(deployment, ResourceTree(), events, display_status_of(State(deployment.state))))


def _job(deployment: Deployment) -> str:
    """Return the title of a deployment's job: the operation, the environment, and whether it failed."""
    if deployment.was_canceled and deployment.cancel_code in NOT_APPLIED:
        return headlines.canceled(deployment.cancel_code, deployment.environment.name)
    if deployment.was_canceled:
        canceled = {
            Kind.CREATE: _("Create %(name)s canceled"),
            Kind.UPDATE: _("Update %(name)s canceled"),
            Kind.DELETE: _("Delete %(name)s canceled"),
        }
        return canceled[Kind(deployment.kind)] % {"name": deployment.environment.name}
    failed = not deployment.is_active and deployment.state != State.SUCCEEDED
    texts = {
        Kind.CREATE: (_("Create %(name)s"), _("Create %(name)s failed")),
        Kind.UPDATE: (_("Update %(name)s"), _("Update %(name)s failed")),
        Kind.DELETE: (_("Delete %(name)s"), _("Delete %(name)s failed")),
        Kind.ROLLBACK: (_("Roll back %(name)s"), _("Roll back %(name)s failed")),
        Kind.ROLLBACK_UPDATE: (_("Roll back %(name)s"), _("Roll back %(name)s failed")),
        Kind.ROLLBACK_CREATION: (_("Roll back %(name)s"), _("Roll back %(name)s failed")),
    }
    kind = Kind.ROLLBACK if deployment.rolls_back_to_id is not None else Kind(deployment.kind)
    return texts[kind][failed] % {"name": deployment.environment.name}


def _retry(deployment: Deployment) -> SuggestedAction | None:
    """Return the link to the form with the values of a failed creation, on the deletion of its remains."""
    if deployment.kind not in DELETING or deployment.environment.account.is_recording:
        return None
    failed = (State.FAILED.value, State.ROLLED_BACK.value)
    creation = Deployment.objects.creations_of(deployment.environment).first()
    latest = Deployment.objects.attempts_of(deployment.environment).first() or creation
    if creation is None or latest is None or creation.state not in failed or latest.state not in failed:
        return None
    leaf = first_failure(failures_of(latest, landmarks(latest)))
    known = recognize(leaf.type, leaf.reason) if leaf else None
    if deployment.kind == Kind.DELETE:
        return retry(latest, known)
    return clean_up(deployment, remaining_of(deployment)) if may_clean_up(deployment) else None


def _banner(
    deployment: Deployment, tree: ResourceTree, events: Sequence[Event], *, is_latest: bool
) -> FailureBanner | None:
    if deployment.was_canceled:
        return None
    root = tree.nodes.get("")
    cause = root_cause(failures_of(deployment, events, root.changes if root else ()))
    return failure_banner.of_deployment(deployment, cause, is_latest=is_latest)


def _headline(deployment: Deployment) -> str:
    if deployment.is_active:
        return headlines.attention(deployment.attention_code) if deployment.attention_code else ""
    if deployment.was_canceled:
        return headlines.canceled(deployment.cancel_code, deployment.environment.name)
    if deployment.state != State.SUCCEEDED:
        return headlines.error(deployment.error_code, kind=deployment.kind)
    return _success(deployment) % {"name": deployment.environment.name}


def _success(deployment: Deployment) -> str:
    if deployment.changed_nothing:
        return _("No changes: %(name)s already has these values and templates")
    if deployment.operation == "take_over":
        return _("%(name)s taken over: changes start from the stack as it is")
    if deployment.creates:
        return _("%(name)s created")
    return {
        Kind.CREATE: _("%(name)s created"),
        Kind.UPDATE: _("%(name)s updated"),
        Kind.DELETE: _("%(name)s is deleted"),
        Kind.ROLLBACK: _("%(name)s rolled back to its values from before the update"),
        Kind.ROLLBACK_UPDATE: _("%(name)s is rolled back to its last complete state"),
        Kind.ROLLBACK_CREATION: _("The creation of %(name)s is rolled back"),
    }[Kind(deployment.kind)]


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
        protects=deployment.protects,
        releases=deployment.has_servers_phase,
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
