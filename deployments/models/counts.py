"""Counts for the metrics: a few queries over short tables or through indexes, none over the events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, DurationField, ExpressionWrapper, F, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from deployments.models.deployment import Deployment
from deployments.models.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCount:
    """How many deployments of a kind are in a state, and how many events they have."""

    kind: str
    state: str
    deployments: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyTimes:
    """How long deployments of a kind took to be ready: how many up to each bound, all, and their sum."""

    kind: str
    up_to: tuple[int, ...]
    total: int
    seconds: float


def _of_accounts() -> QuerySet[Deployment]:
    return Deployment.objects.filter(environment__account__is_recording=False).order_by()


def count_deployments() -> list[DeploymentCount]:
    """Return the deployments by kind and state, without those of recordings.

    The events of a deployment are numbered without gaps: their number is that of the last one.
    """
    rows = _of_accounts().values("kind", "state").annotate(n=Count("pk"), last=Sum("last_seq"))
    return [
        DeploymentCount(kind=row["kind"], state=row["state"], deployments=row["n"], events=row["last"])
        for row in rows
    ]


def count_ready_times(bounds: Sequence[int]) -> list[ReadyTimes]:
    """Return how long deployments took from their beginning until the environment was ready.

    `bounds` are in seconds, ascending.
    """
    took = ExpressionWrapper(
        F("ready_at") - Coalesce("applied_at", "created_at"), output_field=DurationField()
    )
    counts = {
        f"up_to_{bound}": Sum(Case(When(took__lte=timedelta(seconds=bound), then=Value(1)), default=Value(0)))
        for bound in bounds
    }
    rows = _of_accounts().exclude(ready_at=None).annotate(took=took).values("kind")
    found: Iterable[Any] = rows.annotate(n=Count("pk"), all=Sum("took"), **counts)
    return [
        ReadyTimes(
            kind=row["kind"],
            up_to=tuple(row[f"up_to_{bound}"] for bound in bounds),
            total=row["n"],
            seconds=row["all"].total_seconds(),
        )
        for row in found
    ]


def count_attention() -> int:
    """Return how many deployments in progress report a problem that may need an operator."""
    return _of_accounts().filter(active_key__isnull=False).exclude(attention_code="").count()


def count_health() -> dict[str, int]:
    """Return how many environments have each health status, "" while it is not known."""
    rows = Environment.objects.live().without_recordings().order_by().values_list("health_word")
    return {str(word): int(number) for word, number in rows.annotate(Count("pk"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The rows of a kind whose step is due and has not been published: how many, and for how many seconds."""

    rows: int
    seconds: float


def overdue(rows: QuerySet[Deployment], now: datetime) -> Overdue:
    """Return how far the dispatchers are behind with rows that have steps (models/leases.py)."""
    late = rows.filter(due_at__lte=now).order_by("due_at")
    oldest = late.values_list("due_at", flat=True).first()
    if oldest is None:
        return Overdue(rows=0, seconds=0.0)
    return Overdue(rows=late.count(), seconds=(now - oldest).total_seconds())
