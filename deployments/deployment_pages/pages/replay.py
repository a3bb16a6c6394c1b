"""The page of a finished deployment before its replay starts, and the bar with the controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deployments.cloudformation.root_cause import Failure, root_cause
from deployments.cloudformation.timeline import in_ms
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
    cause = root_cause(failures_of(deployment, Event.objects.of(deployment).landmarks()))
    banner = failure_banner.of_deployment(deployment, cause, is_latest=False) if cause else None
    return {
        "moments": times,
        "speeds": SPEEDS,
        "stacks_at": dict(times).get(begin, 0),
        "headline": banner.headline if banner else "",
        "failures": _marks(times, [cause.leaf, *cause.ties, *cause.later] if cause else []),
    }


def _marks(times: list[tuple[int, int]], failures: list[Failure]) -> list[FailureMark]:
    if not times or times[-1][1] <= times[0][1]:
        return []
    start, end = times[0][1], times[-1][1]
    found = []
    for failure in failures:
        at = min(max(in_ms(failure.at), start), end)
        found.append(
            FailureMark(
                name=failure.logical_id,
                seconds=round((at - start) / 1000, 1),
                place=round(100 * (at - start) / (end - start), 2),
            )
        )
    return found
