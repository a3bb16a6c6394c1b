"""The summary above the tree: a deployment's progress, its phases, problems and next steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from deployments.cloudformation.root_cause import Failure, first_failure, root_cause
from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.display.failure_banner import FailureBanner
from deployments.deployment_pages.display.recovery_options import SuggestedAction, clean_up, retry
from deployments.deployment_pages.pages.waterfall.progress import DisplayedProgress
from deployments.environments.display import headlines
from deployments.environments.display.badges import GLYPHS
from deployments.environments.models.deployments import NOT_APPLIED, Deployment
from deployments.environments.rules.phases import DELETING, Kind, State, display_status_of
from deployments.failures.rules.catalogue import recognize
from deployments.recovery.commands.delete import may_clean_up
from deployments.stacks.display.phases import Phase, _phases, _turn, _turned_back, landmarks
from deployments.stacks.display.tree import ResourceTree
from deployments.stacks.models.events import Event
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.timeline import failures_of
from deployments.stacks.rules.progress import ProgressCount


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
