"""Health as it was: the roll-up kept for lists, samples for the strips, thinned and forgotten in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from deployments.core.health.aws_statuses import SEVERITY, HealthStatus
from deployments.core.health.rollup import Health, roll_up
from deployments.core.phases import Kind
from deployments.models import Environment, FleetInstance, HealthSample, ScalingActivity, SiteProbe
from deployments.models.health.reads import facts_of
from deployments.models.health.samples import WHOLE

AGAIN = timedelta(seconds=30)
"""Without news, health is rolled up this often: figures that grow old change it too."""
EVERY = timedelta(minutes=5)
FULL_FOR = timedelta(days=1)
STEP = timedelta(minutes=10)
BATCH = 2000

Standing = tuple[str, int, int]  # word, healthy, total


def keep(environment: Environment, now: datetime, *, changed: bool) -> None:
    """Bring the environment's health up to date, and keep a sample of it when it is due one."""
    row = Environment.objects.select_related("latest").get(pk=environment.pk)
    if not changed and row.health_at and now - row.health_at < AGAIN:
        return
    active = row.active_deployment
    if active and active.kind == Kind.DELETE:
        return  # what goes away on purpose is no news
    facts = facts_of(row)
    health = roll_up(facts, now)
    Environment.objects.filter(pk=row.pk).update(
        health_word=str(health.status),
        health_sentence=health.sentence.as_json() if health.sentence else {},
        health_at=now,
    )
    if health.tiers and not facts.being_created:  # a history begins when there is something to keep well
        _sample(row, health, now)


def _sample(environment: Environment, health: Health, now: datetime) -> None:
    """Keep a sample of every tier and of the whole, when one of them changed or the last is old."""
    standing: dict[str, Standing] = {
        tier.name: (str(tier.assessment.status), tier.healthy, tier.total) for tier in health.tiers
    }
    healthy = sum(tier.healthy for tier in health.tiers)
    standing[WHOLE] = (str(health.status), healthy, sum(tier.total for tier in health.tiers))
    last = HealthSample.objects.of(environment).whole().reverse().first()
    if last and now - last.at < EVERY:
        rows = HealthSample.objects.of(environment).filter(at=last.at)
        if {row.tier: (row.word, row.healthy, row.total) for row in rows} == standing:
            return
    HealthSample.objects.bulk_create(
        [
            HealthSample(environment=environment, at=now, tier=tier, word=word, healthy=healthy, total=total)
            for tier, (word, healthy, total) in standing.items()
        ],
        ignore_conflicts=True,
    )


def prune(now: datetime) -> int:
    """Thin the samples that are older than a day, and forget what is of long ago: one batch of each.

    Returns how many rows went.
    """
    forgotten = now - timedelta(days=settings.SANSO_HEALTH_DAYS)
    gone = sum(
        _forget(rows)
        for rows in (
            HealthSample.objects.filter(at__lt=forgotten),
            FleetInstance.objects.filter(gone_at__lt=forgotten),
            ScalingActivity.objects.filter(started_at__lt=forgotten, ended_at__lt=forgotten),
            SiteProbe.objects.filter(at__lt=forgotten),
        )
    )
    return gone + _thin(now - FULL_FOR)


def _forget(rows: QuerySet[Any]) -> int:
    keys = list(rows.values_list("pk", flat=True)[:BATCH])  # MySQL deletes no slice of a query
    rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)


def _thin(before: datetime) -> int:
    """Keep the worst sample of every ten minutes and tier, mark it, and delete the others."""
    rows = list(HealthSample.objects.filter(at__lt=before, is_thinned=False).order_by("at", "pk")[:BATCH])
    if len(rows) == BATCH:  # the last ten minutes may go on in the next batch
        last = _slot(rows[-1])[2]
        rows = [row for row in rows if _slot(row)[2] != last] or rows
    kept, gone = [], []
    for _, of_slot in groupby(sorted(rows, key=_slot), key=_slot):
        worst_one, *others = sorted(of_slot, key=_badness, reverse=True)
        kept.append(worst_one.pk)
        gone += [row.pk for row in others]
    HealthSample.objects.filter(pk__in=kept).update(is_thinned=True)
    HealthSample.objects.filter(pk__in=gone).delete()
    return len(gone)


def _slot(row: HealthSample) -> tuple[int, str, int]:
    return row.environment_id, row.tier, int(row.at.timestamp() // STEP.total_seconds())


def _badness(row: HealthSample) -> tuple[int, int]:
    return SEVERITY[HealthStatus(row.word)], row.total - row.healthy
