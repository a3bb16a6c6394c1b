"""From targets to tiers to the environment: one word and one sentence each, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from deployments.core.health.facts import Facts
from deployments.errors import Sentence

STALE_AFTER = timedelta(minutes=5)
"""Figures older than this say nothing about now: what rests on them alone is unknown."""


class Word(StrEnum):
    """How something stands."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A word, why, and how old the figures are that it rests on. A healthy thing needs no sentence."""

    word: Word
    sentence: Sentence | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box of the picture.

    `kind` is load_balancer, server or database; `key` its ARN or id, `name` the short one. `counts` is
    False for a server that is leaving: it is shown but no part of the tier's figures. `facts` are the raw
    words by name (state, reason, lifecycle, health, launch_template_version, instance_type, association,
    role, status, pending, …), for tables and tooltips.
    """

    kind: str
    key: str
    name: str
    zone: str = ""
    verdict: Verdict
    counts: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """alb, web, nlb, app or database: its nodes, and how many of them are healthy."""

    name: str
    verdict: Verdict
    nodes: tuple[Node, ...] = ()
    healthy: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The environment as a whole, tiers in the order a request passes them."""

    word: Word
    sentence: Sentence | None = None
    tiers: tuple[Tier, ...] = ()


def roll_up(facts: Facts, now: datetime) -> Health:
    """Return how the environment stands."""
    raise NotImplementedError
