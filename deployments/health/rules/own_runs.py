"""The result of an association on the servers of its environment, which AWS does not tell from others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from deployments.health.rules.aws_statuses import RUN_ENDED, RUN_FAILED, RUN_SKIPPED
from deployments.health.rules.observations import ObservedAssociation, ObservedRun

_NO_RUN = "Pending"


def of_own_servers(association: ObservedAssociation) -> ObservedAssociation:
    """Return an association with the counts and the status of its runs on the environment's servers.

    AWS's are of all targets. Unless some are servers of others, they are the environment's.
    """
    own = [run for run in association.runs if not run.is_foreign]
    if len(own) == len(association.runs):
        return association
    worst = max(own, key=_urgency, default=None)
    return replace(
        association,
        counts=dict(Counter(run.status for run in own)),
        status=worst.status if worst else _NO_RUN,
        detailed_status=worst.detailed_status if worst else "",
    )


def _urgency(run: ObservedRun) -> tuple[bool, bool, bool]:
    return run.status in RUN_FAILED, run.status not in RUN_ENDED, run.status in RUN_SKIPPED
