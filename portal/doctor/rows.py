"""Rows without progress: due for long, or claimed repeatedly without a step that ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from deployments import counts, dispatcher
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import WAITS, State
from portal.doctor.finding import Finding, ok, problem

LATE = 60.0
"""Seconds: a dispatcher publishes due rows twice a second."""
WITHOUT_STEP = timedelta(minutes=10)
"""A deployment that does not wait has a step every few seconds, on AWS at least every minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """The delay of each kind of row, and the deployments that were due and have had no step for long."""

    late: Sequence[tuple[str, int, float]]
    without_steps: Sequence[int]


def read(now: datetime | None = None) -> RowFacts:
    """Return the facts about the rows that have steps."""
    now = now or timezone.now()
    late = []
    for rows, _ in dispatcher.kinds():
        found = counts.overdue(rows, now)
        late.append((str(rows.model._meta.verbose_name_plural), found.rows, found.seconds))
    lease = timedelta(seconds=settings.SANSO_TICK_LEASE)
    waits = [str(state) for state in (*WAITS, State.PREVIEW)]
    claimed = Deployment.objects.active().exclude(state__in=waits).filter(due_at__lte=now + lease)
    stale = claimed.filter(ticked_at__lt=now - WITHOUT_STEP, phase_at__lt=now - WITHOUT_STEP)
    return RowFacts(late=late, without_steps=list(stale.values_list("pk", flat=True)[:100]))


def judge(facts: RowFacts) -> list[Finding]:
    """Return the findings about rows without progress."""
    findings = [
        problem(
            "due rows",
            f"{number} {name} are due, the oldest for {seconds:.0f} s.",
            "Start a dispatcher, or look into its log for why it does not publish them.",
        )
        for name, number, seconds in facts.late
        if seconds > LATE
    ]
    findings += [
        problem(
            "steps",
            f"Deployment {pk} is claimed again and again, but no step of it has begun for ten minutes.",
            "Start a worker, or look into the workers' logs for steps that do not end.",
        )
        for pk in facts.without_steps
    ]
    return findings or [ok("due rows", "No row waits for a step.")]
