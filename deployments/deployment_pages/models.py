"""Read the stacks and resources of a deployment for a comparison, in four queries per deployment."""

from __future__ import annotations

from deployments.cloudformation.status import is_final
from deployments.cloudformation.timeline import OperationRun, in_ms
from deployments.cloudformation.usual_durations import PHASE_TYPE
from deployments.deployment_pages.rules.comparison import ComparedPart
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import timeline as timelines
from deployments.stacks.models.timeline import TimelineRow
from deployments.stacks.rules.course import forward_runs


def parts_of(deployment: Deployment) -> list[ComparedPart]:
    """Return every stack and resource with its result, as the deployment's page shows it.

    The duration is that of the deployment's own operation: a rollback's is not comparable.
    """
    found = timelines.load(deployment)
    parts = []
    for line in found.lines.values():
        if line.type == PHASE_TYPE:
            continue
        own = forward_runs(line.runs, found.course.of(line.path))
        parts.append(
            ComparedPart(
                path=line.path,
                type=line.type,
                began=(own[0].start - in_ms(deployment.began_at)) / 1000 if own else None,
                seconds=own[-1].seconds if own else None,
                status=_status(line, own),
                result=line.result.status,
            )
        )
    return parts


def _status(line: TimelineRow, own: list[OperationRun]) -> str:
    """Return the last status of the deployment's own operation; if it was interrupted, of what followed."""
    if not own:
        return ""
    return own[-1].status if is_final(own[-1].status) else line.runs[-1].status
