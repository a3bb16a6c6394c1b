"""Components of an environment, assessments of their health, and the worst of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import SEVERITY, HealthStatus

STALE_AFTER = timedelta(minutes=5)
"""Health computed from older figures is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A health status, its reason (None if healthy), and the time of its figures."""

    status: HealthStatus
    sentence: Message | None = None
    at: datetime | None = None


class Transition(StrEnum):
    """What a component is doing that says neither that it is healthy nor that it is not."""

    STARTING = "starting"
    LEAVING = "leaving"
    STANDBY = "standby"


_TRANSITIONS: Mapping[Code, Transition] = {
    **dict.fromkeys(
        (Code.INSTANCE_STARTING, Code.TARGET_INITIAL, Code.TARGET_REGISTERING), Transition.STARTING
    ),
    **dict.fromkeys((Code.BALANCER_PROVISIONING, Code.DATABASE_CREATING), Transition.STARTING),
    **dict.fromkeys((Code.INSTANCE_LEAVING, Code.TARGET_DRAINING), Transition.LEAVING),
    Code.INSTANCE_STANDBY: Transition.STANDBY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One box of the diagram.

    `kind` is load_balancer, server or database; `key` its ARN or id, `name` its displayed name. `counts` is
    False for a server that is being removed: it is displayed but not part of the tier's totals. `facts` are
    AWS's own values by name (state, reason, lifecycle, health, launch_template_version, instance_type,
    association, role, status, pending), for tables and tooltips.
    """

    kind: str
    key: str
    name: str
    zone: str = ""
    assessment: Assessment
    counts: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def transition(self) -> Transition | None:
        """Return what it is doing instead of an unknown health, such as starting; None for any other."""
        own = self.assessment
        if own.status is not HealthStatus.UNKNOWN or own.sentence is None:
            return None
        return _TRANSITIONS.get(own.sentence.code)


def worst(assessments: Iterable[Assessment]) -> Assessment:
    """Return the worst assessment; of several, the first by its sentence; unknown if there is none."""
    return max(
        sorted(assessments, key=lambda one: str(one.sentence or "")),
        key=lambda one: SEVERITY[one.status],
        default=Assessment(status=HealthStatus.UNKNOWN),
    )


def is_stale(at: datetime | None, now: datetime) -> bool:
    """Return whether figures of that time are out of date."""
    return at is None or now - at > STALE_AFTER


def unless_stale(assessment: Assessment, now: datetime, where: str) -> Assessment:
    """Return the assessment, or an unknown one if its figures are out of date."""
    if not is_stale(assessment.at, now):
        return assessment
    return Assessment(
        status=HealthStatus.UNKNOWN,
        sentence=Message(Code.DATA_OUT_OF_DATE, {"where": where}),
        at=assessment.at,
    )
