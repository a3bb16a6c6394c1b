"""The topics of notifications and the retries of deliveries: decisions without a database or a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.environments.rules.phases import State


class Topic(StrEnum):
    """What a notification is about. The values are stored, and sent as the type of webhooks."""

    DEPLOYMENT_FAILED = "deployment.failed"
    DEPLOYMENT_SUCCEEDED = "deployment.succeeded"
    DEPLOYMENT_CANCELED = "deployment.canceled"
    DEPLOYMENT_LATE = "deployment.late"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_DECIDED = "approval.decided"
    HEALTH_CHANGED = "health.changed"
    UPDATE_AVAILABLE = "update.available"
    LOCK_BROKEN = "lock.broken"
    DRILL_FAILED = "drill.failed"
    DRILL_PASSED = "drill.passed"
    TARGET_DISABLED = "target.disabled"
    DIGEST = "digest"
    TEST = "test"


CHOSEN = (
    *(Topic.DEPLOYMENT_FAILED, Topic.DEPLOYMENT_SUCCEEDED, Topic.DEPLOYMENT_CANCELED),
    *(Topic.DEPLOYMENT_LATE, Topic.APPROVAL_REQUESTED, Topic.APPROVAL_DECIDED),
    *(Topic.HEALTH_CHANGED, Topic.UPDATE_AVAILABLE, Topic.LOCK_BROKEN),
    *(Topic.DRILL_FAILED, Topic.DRILL_PASSED),
)
"""The topics that people choose from, in the order of the form."""


def topic_of_result(state: State, *, was_canceled: bool) -> Topic:
    """Return the topic of a deployment that has ended; a canceled update counts as rolled back."""
    if was_canceled:
        return Topic.DEPLOYMENT_CANCELED
    return Topic.DEPLOYMENT_SUCCEEDED if state is State.SUCCEEDED else Topic.DEPLOYMENT_FAILED


# --- health -------------------------------------------------------------------------------------------

WORSE_FOR, BETTER_FOR = timedelta(seconds=60), timedelta(seconds=120)
"""Time that health must be worse or better before it counts as changed: one failed check is no incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSeen:
    """The health that was last notified, and the different one seen since then."""

    notified: str
    seen: str
    since: datetime


def follow_health(before: HealthSeen | None, status: str, now: datetime) -> tuple[HealthSeen, bool]:
    """Return the updated state after an observation, and whether it is a change to notify.

    Unknown health (not observed, or the environment is being created) changes nothing. The first health is
    not notified.
    """
    if before is None:
        return HealthSeen(notified=status, seen=status, since=now), False
    unknown = str(HealthStatus.UNKNOWN)
    if status == unknown:
        return before, False
    if before.notified == unknown or status == before.notified:
        return HealthSeen(notified=status, seen=status, since=now), False
    if status != before.seen:
        return replace(before, seen=status, since=now), False
    is_worse = SEVERITY[HealthStatus(status)] > SEVERITY[HealthStatus(before.notified)]
    if now - before.since < (WORSE_FOR if is_worse else BETTER_FOR):
        return before, False
    return HealthSeen(notified=status, seen=status, since=now), True


# --- a deployment that takes longer -------------------------------------------------------------------

LATE_BY, LATE_PART = timedelta(minutes=5), 0.25
"""A deployment is late if its forecast is later than the first one by both this time and this share of it."""


def is_late(began: datetime, first_end: datetime, end: datetime) -> bool:
    """Return whether a forecast has slipped, compared with the first one of the deployment."""
    return end - first_end > max(LATE_BY, LATE_PART * (first_end - began))


# --- digests ------------------------------------------------------------------------------------------

FLOOD, WINDOW = 10, timedelta(minutes=1)
"""A target gets this many messages within this time; the others in one digest at its end."""


def belongs_in_digest(recent: int) -> bool:
    """Return whether a message goes into a digest; `recent` were written to the target within the window."""
    return recent >= FLOOD


# --- attempts -----------------------------------------------------------------------------------------

GIVE_UP = timedelta(hours=24)
"""A delivery is not retried after this time since the event."""
DELAYS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600)
"""Seconds after each failed attempt; the last value is repeated."""
JITTER = 0.2
"""Maximum extension of a delay as a share of it, so that recovering receivers are not all called at once."""
LONGEST_RETRY_AFTER = 6 * 3600.0


class Reception(StrEnum):
    """What the response to a webhook means."""

    SENT = "sent"
    GONE = "gone"
    AGAIN = "again"


def reception(status: int) -> Reception:
    """Return the meaning of a status. Redirects are not followed, so they count as failed.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
    """
    if 200 <= status < 300:
        return Reception.SENT
    return Reception.GONE if status == 410 else Reception.AGAIN


def next_attempt(
    created: datetime, now: datetime, attempts: int, jitter: float, retry_after: float | None = None
) -> datetime | None:
    """Return when a delivery is retried after `attempts` failed ones; None to give up.

    `jitter` is a random number from 0 to 1. `retry_after` are the seconds that the receiver requested. The
    last attempt is at the end of the 24 hours.
    """
    last = created + GIVE_UP
    if now >= last:
        return None
    seconds = DELAYS[min(max(attempts, 1), len(DELAYS)) - 1] * (1 + JITTER * jitter)
    if retry_after is not None:
        seconds = max(seconds, min(retry_after, LONGEST_RETRY_AFTER))
    return min(now + timedelta(seconds=seconds), last)


def retry_after_seconds(header: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header, which contains seconds or a date; None if neither.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        return None
    return max((at - now).total_seconds(), 0.0)
