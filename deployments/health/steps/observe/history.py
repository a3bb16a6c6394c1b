"""Health history: the current roll-up for lists, and samples that are thinned and deleted over time."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from deployments.environments.models.environments import Environment
from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.environments.rules.phases import DELETING
from deployments.health.models.fleet import FleetInstance, ScalingActivity
from deployments.health.models.metrics import DatabaseFailover, DatabaseMetrics
from deployments.health.models.reads import observations_of
from deployments.health.models.samples import WHOLE, HealthSample
from deployments.health.models.site import SiteProbe, SiteReads
from deployments.health.rules.rollup import Health, roll_up
from deployments.health.steps import notices
from deployments.health.steps.observe import metrics

AGAIN = timedelta(seconds=30)
"""Interval of the roll-up without changes: health also changes when figures become out of date."""
EVERY = timedelta(minutes=5)
FULL_FOR = timedelta(days=1)
STEP = timedelta(minutes=10)
BATCH = 2000

TierState = tuple[str, int, int]  # status, healthy, total


def keep(environment: Environment, now: datetime, *, changed: bool) -> None:
    """Update the environment's health, and store a sample if one is due."""
    row = Environment.objects.select_related("latest").get(pk=environment.pk)
    if not changed and row.health_at and now - row.health_at < AGAIN:
        return
    active = row.active_deployment
    if active and active.kind in DELETING:
        return  # it is being deleted intentionally
    facts = observations_of(row)
    health = roll_up(facts, now)
    Environment.objects.filter(pk=row.pk).update(
        health_word=str(health.status),
        health_sentence=health.sentence.as_json() if health.sentence else {},
        health_at=now,
    )
    if not active:  # a deployment reports its own result
        notices.health_observed(row, str(health.status), health.sentence, now)
    if health.tiers and not facts.being_created:  # the history begins once the environment exists
        _sample(row, health, now)


def _sample(environment: Environment, health: Health, now: datetime) -> None:
    """Store a sample of every tier and of the environment, if one has changed or the last is old."""
    state: dict[str, TierState] = {
        tier.name: (str(tier.assessment.status), tier.healthy, tier.total) for tier in health.tiers
    }
    parts = [tier for tier in health.tiers if tier.name != "site"]  # its numbers count reads
    state[WHOLE] = (
        str(health.status),
        sum(tier.healthy for tier in parts),
        sum(tier.total for tier in parts),
    )
    last = HealthSample.objects.of(environment).whole().reverse().first()
    if last and now - last.at < EVERY:
        rows = HealthSample.objects.of(environment).filter(at=last.at)
        if {row.tier: (row.word, row.healthy, row.total) for row in rows} == state:
            return
    HealthSample.objects.bulk_create(
        [
            HealthSample(environment=environment, at=now, tier=tier, word=word, healthy=healthy, total=total)
            for tier, (word, healthy, total) in state.items()
        ],
        ignore_conflicts=True,
    )


def prune(now: datetime) -> int:
    """Thin the samples and metrics that are older than a day, and delete old rows: one batch of each.

    Return the number of deleted rows.
    """
    limit = now - timedelta(days=settings.SANSO_HEALTH_DAYS)
    gone = sum(
        _delete(rows)
        for rows in (
            HealthSample.objects.filter(at__lt=limit),
            FleetInstance.objects.filter(gone_at__lt=limit),
            ScalingActivity.objects.filter(started_at__lt=limit, ended_at__lt=limit),
            SiteProbe.objects.filter(at__lt=limit),
            SiteReads.objects.filter(start__lt=limit),
            DatabaseMetrics.objects.filter(start__lt=limit),
            DatabaseFailover.objects.filter(at__lt=limit),
        )
    )
    return gone + _thin(now - FULL_FOR) + metrics.thin(now - FULL_FOR, BATCH)


def _delete(rows: QuerySet[Any]) -> int:
    keys = list(rows.values_list("pk", flat=True)[:BATCH])  # MySQL cannot delete a slice of a query
    rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)


def _thin(before: datetime) -> int:
    """Keep the worst sample of every ten minutes and tier, mark it, and delete the others."""
    rows = list(HealthSample.objects.filter(at__lt=before, is_thinned=False).order_by("at", "pk")[:BATCH])
    if len(rows) == BATCH:  # the last ten minutes may continue in the next batch
        last = _slot(rows[-1])[2]
        rows = [row for row in rows if _slot(row)[2] != last] or rows
    kept, gone = [], []
    for _, of_slot in groupby(sorted(rows, key=_slot), key=_slot):
        worst_sample, *others = sorted(of_slot, key=_severity, reverse=True)
        kept.append(worst_sample.pk)
        gone += [row.pk for row in others]
    HealthSample.objects.filter(pk__in=kept).update(is_thinned=True)
    HealthSample.objects.filter(pk__in=gone).delete()
    return len(gone)


def _slot(row: HealthSample) -> tuple[int, str, int]:
    return row.environment_id, row.tier, int(row.at.timestamp() // STEP.total_seconds())


def _severity(row: HealthSample) -> tuple[int, int]:
    return SEVERITY[HealthStatus(row.word)], row.total - row.healthy
