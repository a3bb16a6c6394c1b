"""Read the stacks and resources of a deployment for a comparison, in four queries per deployment."""

from __future__ import annotations

from deployments.core.compare import ComparedPart
from deployments.core.course import forward_runs
from deployments.core.status import is_final
from deployments.core.timeline import OperationRun, in_ms
from deployments.core.usual_durations import PHASE_TYPE
from deployments.models import timeline as timelines
from deployments.models.deployment import Deployment
from deployments.models.timeline import TimelineRow


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
