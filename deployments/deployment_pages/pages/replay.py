"""The page of a finished deployment before its replay starts, and the bar with the controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.root_cause import Failure, root_cause
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of, event_times
from deployments.stacks.models.timeline import failures_of

SPEEDS = (1, 2, 5, 10, 30, 60)


def view_at_start(deployment: Deployment) -> DeploymentView:
    """Return the view of the page before the replay starts."""
    first = event_times(deployment)[:1]
    return DeploymentView.past(as_of(deployment, first[0][0] if first else 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMark:
    """A failure on the scrubber: its seconds from the start, and its place in percent of the whole."""

    name: str
    seconds: float
    place: float


def controls(deployment: Deployment) -> dict[str, Any]:
    """Return the data of the bar with the controls.

    `stacks_at` is when CloudFormation began (epoch milliseconds), or the end if it never did: before that,
    nothing moves between two events. `failures` are marked on the scrubber, the one that caused the others
    first; `headline` says what failed, and is "" if nothing did.
    """
    times = event_times(deployment)
    first = Event.objects.of(deployment).from_source("cloudformation").first()
    begin = first.seq if first else deployment.last_seq
    landmarks = list(Event.objects.of(deployment).landmarks())
    cause = root_cause(failures_of(deployment, landmarks))
    failures = [cause.leaf, *cause.ties, *cause.later] if cause else []
    seen = [(event.seq, failure) for event in landmarks if (failure := event.as_failure()) in failures]
    seen.sort(key=lambda one: failures.index(one[1]))
    banner = failure_banner.of_deployment(deployment, cause, is_latest=False) if cause else None
    return {
        "moments": times,
        "speeds": SPEEDS,
        "stacks_at": dict(times).get(begin, 0),
        "headline": banner.headline if banner else "",
        "failures": _marks(times, seen),
    }


def _marks(times: list[tuple[int, int]], failures: list[tuple[int, Failure]]) -> list[FailureMark]:
    """Return the marks of failures with the numbers of their events, which say when the page showed them."""
    if not times or times[-1][1] <= times[0][1]:
        return []
    start, length = times[0][1], times[-1][1] - times[0][1]
    shown = dict(times)
    return [
        FailureMark(
            name=failure.logical_id,
            seconds=(shown[number] - start) / 1000,
            place=round(100 * (shown[number] - start) / length, 2),
        )
        for number, failure in failures
        if number in shown
    ]
