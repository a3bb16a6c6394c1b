"""Counts for the metrics: a few queries over short tables or through indexes, none over the events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Case, Count, F, FloatField, Func, IntegerField, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce

from deployments.environments.models.deployment_queries import began
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.notifications.models import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCount:
    """How many deployments of a kind are in a state, and how many events they have."""

    kind: str
    state: str
    deployments: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyTimes:
    """Times to ready of deployments of a kind: the counts up to each bound, the total count, and the sum."""

    kind: str
    up_to: tuple[int, ...]
    total: int
    seconds: float


def _seconds_between(begin: Coalesce, end: str) -> Func:
    """Return the whole seconds between two times, by the database's own functions.

    Django's own difference calls Python for each row on SQLite, whose times are texts.
    """
    if connection.vendor == "mysql":
        template = "%(function)s(SECOND, %(expressions)s)"
        return Func(begin, end, function="TIMESTAMPDIFF", template=template, output_field=IntegerField())
    days = _day(F(end)) - _day(begin)
    return Cast(days * 86400.0 + 0.0005, IntegerField())


def _day(time: F | Coalesce) -> Func:
    return Func(time, function="julianday", output_field=FloatField())


def _of_accounts() -> QuerySet[Deployment]:
    recorded = Environment.objects.filter(account__is_recording=True).order_by().values("pk")
    return Deployment.objects.exclude(environment__in=recorded).order_by()


def count_deployments() -> list[DeploymentCount]:
    """Return the deployments by kind and state, without those of recordings.

    The events of a deployment are numbered without gaps: their count is the number of the last one.
    """
    rows = _of_accounts().values("kind", "state").annotate(n=Count("pk"), last=Sum("last_seq"))
    return [
        DeploymentCount(kind=row["kind"], state=row["state"], deployments=row["n"], events=row["last"])
        for row in rows
    ]


def count_ready_times(bounds: Sequence[int]) -> list[ReadyTimes]:
    """Return how long deployments took from their beginning until the environment was ready.

    `bounds` are in seconds, ascending. Durations are whole seconds, without their fractions.
    """
    rows = _of_accounts().exclude(ready_at=None).annotate(seconds=_seconds_between(began(), "ready_at"))
    by_kind: dict[str, Counter[int]] = defaultdict(Counter)
    for kind, seconds, number in rows.values_list("kind", "seconds").annotate(Count("pk")):
        by_kind[kind][seconds] += number
    return [
        ReadyTimes(
            kind=kind,
            up_to=tuple(sum(n for took, n in found.items() if took <= bound) for bound in bounds),
            total=found.total(),
            seconds=float(sum(took * n for took, n in found.items())),
        )
        for kind, found in sorted(by_kind.items())
    ]


def count_attention() -> int:
    """Return how many deployments in progress report a problem that may need an operator."""
    return _of_accounts().filter(active_key__gt=0).exclude(attention_code="").count()


def count_deliveries() -> dict[tuple[str, str], int]:
    """Return how many notifications have each result, by the kind of their target and the result.

    A digest counts once, not each message in it. `retrying`: an attempt has failed.
    """
    result = Case(
        When(state="pending", attempts__gt=0, then=Value("retrying")),
        When(state="pending", then=Value("waiting")),
        default=F("state"),
    )
    rows = Delivery.objects.exclude(state="collected").order_by().values_list("target__kind", result)
    return {(str(kind), str(found)): int(number) for kind, found, number in rows.annotate(Count("pk"))}


def count_health() -> dict[str, int]:
    """Return how many environments have each health status, "" while it is not known."""
    rows = Environment.objects.live().without_recordings().order_by().values_list("health_word")
    return {str(word): int(number) for word, number in rows.annotate(Count("pk"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The rows of a kind whose step is due but not published: their number and their delay in seconds."""

    rows: int
    seconds: float


def overdue(rows: QuerySet[Deployment], now: datetime) -> Overdue:
    """Return the delay of the dispatchers with rows that have steps (common/models/leases.py)."""
    late = rows.filter(due_at__lte=now).order_by("due_at")
    oldest = late.values_list("due_at", flat=True).first()
    if oldest is None:
        return Overdue(rows=0, seconds=0.0)
    return Overdue(rows=late.count(), seconds=(now - oldest).total_seconds())
