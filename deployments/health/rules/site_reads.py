"""The health of the site for its visitors, from a few reads through the public load balancer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules.components import Assessment, is_stale
from deployments.health.rules.observations import ObservedSiteReads

STEP = 1.1
"""The ratio of two neighboring classes of durations: a percentile is right to within five percent."""


def is_measured(reads: ObservedSiteReads | None, now: datetime) -> bool:
    """Return whether the latest reads measure the health of the site.

    They do not if the portal cannot connect to the load balancer, which accepts every connection that its
    security group allows: then the group excludes the portal, but may admit visitors.
    """
    return reads is not None and reads.reached and reads.total > 0 and not is_stale(reads.at, now)


def assess_reads(reads: ObservedSiteReads | None, now: datetime) -> Assessment | None:
    """Return the health of the site; None if it is not measured, unless the network lets nobody in."""
    if reads is None or is_stale(reads.at, now):
        return None
    if not is_measured(reads, now):
        if reads.missing_path is None:
            return None
        return Assessment(status=HealthStatus.UNHEALTHY, sentence=reads.missing_path, at=reads.at)
    failed = reads.total - reads.succeeded
    if failed == 0:
        return Assessment(status=HealthStatus.HEALTHY, at=reads.at)
    values = {"count": str(failed), "total": str(reads.total)}
    if reads.succeeded:
        status, code = HealthStatus.DEGRADED, Code.SITE_READS_FAILING
    else:
        status, code = HealthStatus.UNHEALTHY, Code.SITE_READS_FAILED
    return Assessment(status=status, sentence=reads.missing_path or Message(code, values), at=reads.at)


def classed(durations: Iterable[float], known: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the number of durations (in milliseconds) in each class, added to the known numbers.

    A few classes represent the durations of thousands of reads: percentiles of intervals cannot be averaged.
    """
    counts = Counter(known or {})
    counts.update(str(round(math.log(max(duration, 1.0), STEP))) for duration in durations)
    return dict(counts)


def percentile(classes: Iterable[Mapping[str, int]], share: float) -> float | None:
    """Return the duration in milliseconds that this share of the reads did not exceed; None without reads."""
    counts: Counter[int] = Counter()
    for one in classes:
        for key, count in one.items():
            counts[int(key)] += count
    wanted = share * counts.total()
    for number in sorted(counts):
        wanted -= counts[number]
        if wanted <= 0:
            return float(STEP**number)
    return None
