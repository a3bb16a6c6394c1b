"""Verdicts and nodes: what every box of the picture is made of, and how verdicts are weighed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deployments.core.health.aws_statuses import SEVERITY, HealthStatus
from deployments.errors import Message
from deployments.message_codes import Code

STALE_AFTER = timedelta(minutes=5)
"""Figures older than this say nothing about now: what rests on them is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A word, why, and how old the figures are that it rests on. A healthy thing needs no sentence."""

    word: HealthStatus
    sentence: Message | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One box of the picture.

    `kind` is load_balancer, server or database; `key` its ARN or id, `name` what people read. `counts` is
    False for a server that is leaving: it is shown but no part of the tier's figures. `facts` are AWS's
    own words by name (state, reason, lifecycle, health, launch_template_version, instance_type,
    association, role, status, pending), for tables and tooltips.
    """

    kind: str
    key: str
    name: str
    zone: str = ""
    verdict: Assessment
    counts: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)


def worst(verdicts: Iterable[Assessment]) -> Assessment:
    """Return the worst verdict, of several alike the first by its sentence; unknown when there is none."""
    return max(
        sorted(verdicts, key=lambda verdict: str(verdict.sentence or "")),
        key=lambda verdict: SEVERITY[verdict.word],
        default=Assessment(word=HealthStatus.UNKNOWN),
    )


def is_stale(at: datetime | None, now: datetime) -> bool:
    """Tell whether figures of that time are too old to say anything about now."""
    return at is None or now - at > STALE_AFTER


def stale(verdict: Assessment, now: datetime, where: str) -> Assessment:
    """Return the verdict, or that nothing is known any more when its figures are too old."""
    if not is_stale(verdict.at, now):
        return verdict
    return Assessment(
        word=HealthStatus.UNKNOWN,
        sentence=Message(Code.DATA_OUT_OF_DATE, {"where": where}),
        at=verdict.at,
    )
