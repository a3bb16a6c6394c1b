"""What AWS's words mean for health: each with its word of ours and a sentence. Unknown ones stay neutral.

The sentences have a place for `where` (which server, cluster or load balancer) and, where AWS gave a code,
for `code`. A word that is not in a table is `unknown` and shown as AWS says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployments.errors import Message
from deployments.message_codes import Code


class HealthStatus(StrEnum):
    """How something stands."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


SEVERITY = {
    HealthStatus.HEALTHY: 0,
    HealthStatus.UNKNOWN: 1,
    HealthStatus.DEGRADED: 2,
    HealthStatus.UNHEALTHY: 3,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word of AWS's means. `counts` is False for what is on its way out and no part of the figures."""

    word: HealthStatus
    code: Code | None = None
    counts: bool = True

    def message(self, where: str, code: str = "") -> Message | None:
        """Return why, about `where`; None for what is healthy. `code` is AWS's own word."""
        return Message(self.code, {"where": where, "code": code}) if self.code else None


_OK = Meaning(HealthStatus.HEALTHY)
_RAW = Meaning(HealthStatus.UNKNOWN, Code.STATUS_UNKNOWN)


def _bad(code: Code) -> Meaning:
    return Meaning(HealthStatus.UNHEALTHY, code)


def _weak(code: Code) -> Meaning:
    return Meaning(HealthStatus.DEGRADED, code)


def _open(code: Code) -> Meaning:
    return Meaning(HealthStatus.UNKNOWN, code)


def _each(meaning: Meaning, names: str) -> dict[str, Meaning]:
    return dict.fromkeys(names.split(), meaning)


# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
_DRAINING = Meaning(HealthStatus.UNKNOWN, Code.TARGET_DRAINING, counts=False)
TARGET_STATES: dict[str, Meaning] = {
    "healthy": _OK,
    "initial": _open(Code.TARGET_INITIAL),
    "unhealthy": _bad(Code.TARGET_UNHEALTHY),
    "unhealthy.draining": _DRAINING,
    "draining": _DRAINING,
    "unused": _open(Code.TARGET_UNUSED),
    "unavailable": _open(Code.TARGET_UNAVAILABLE),
}
TARGET_REASONS: dict[str, Meaning] = {
    "Elb.RegistrationInProgress": _open(Code.TARGET_REGISTERING),
    "Elb.InitialHealthChecking": _open(Code.TARGET_INITIAL),
    "Target.ResponseCodeMismatch": _bad(Code.TARGET_RESPONSE_CODE),
    "Target.Timeout": _bad(Code.TARGET_TIMEOUT),
    "Target.FailedHealthChecks": _bad(Code.TARGET_FAILED_CHECKS),
    "Target.NotRegistered": _open(Code.TARGET_NOT_REGISTERED),
    "Target.NotInUse": _open(Code.TARGET_NOT_IN_USE),
    "Target.DeregistrationInProgress": _DRAINING,
    "Target.InvalidState": Meaning(HealthStatus.UNHEALTHY, Code.TARGET_STOPPED, counts=False),
    "Target.IpUnusable": _bad(Code.TARGET_IP_UNUSABLE),
    "Target.HealthCheckDisabled": _open(Code.TARGET_CHECK_DISABLED),
    "Elb.InternalError": _open(Code.TARGET_BALANCER_ERROR),
}


def of_target(state: str, reason: str) -> Meaning:
    """Return what a target's state means; the reason code says it better where there is one."""
    known = TARGET_STATES.get(state)
    if known is None:
        return _RAW
    if known.word is HealthStatus.HEALTHY or not known.counts:
        return known
    better = TARGET_REASONS.get(reason)
    if state == "unhealthy" and better and better.word is not HealthStatus.UNHEALTHY:
        return Meaning(
            HealthStatus.UNHEALTHY, better.code, better.counts
        )  # a state outranks what explains it
    return better or known


LOAD_BALANCERS: dict[str, Meaning] = {
    "active": _OK,
    "provisioning": _open(Code.BALANCER_PROVISIONING),
    "active_impaired": _weak(Code.BALANCER_IMPAIRED),
    "failed": _bad(Code.BALANCER_FAILED),
}

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
_STARTS = _open(Code.INSTANCE_STARTING)
_LEAVES = Meaning(HealthStatus.UNKNOWN, Code.INSTANCE_LEAVING, counts=False)
_ASIDE = Meaning(HealthStatus.UNKNOWN, Code.INSTANCE_STANDBY, counts=False)
LIFECYCLES: dict[str, Meaning] = {
    "InService": _OK,
    "Quarantined": _weak(Code.INSTANCE_QUARANTINED),
    **_each(_STARTS, "Pending Pending:Wait Pending:Proceed RootVolumeReplaced"),
    **_each(_STARTS, "ReplacingRootVolume ReplacingRootVolume:Wait ReplacingRootVolume:Proceed"),
    **_each(_LEAVES, "Terminating Terminating:Wait Terminating:Proceed Terminating:Retained Terminated"),
    **_each(_LEAVES, "Detaching Detached"),
    **_each(_ASIDE, "EnteringStandby Standby Warmed:Stopped Warmed:Running Warmed:Hibernated"),
    **_each(_ASIDE, "Warmed:Pending Warmed:Pending:Wait Warmed:Pending:Proceed Warmed:Pending:Retained"),
    **_each(_ASIDE, "Warmed:Terminating Warmed:Terminating:Wait Warmed:Terminating:Proceed"),
    **_each(_ASIDE, "Warmed:Terminating:Retained Warmed:Terminated"),
}


def of_instance(lifecycle: str, health: str) -> Meaning:
    """Return what an instance's lifecycle state and its group's opinion of its health mean."""
    meaning = LIFECYCLES.get(lifecycle, _RAW)
    if meaning.counts and health.lower() == "unhealthy":
        return _bad(Code.INSTANCE_MARKED_UNHEALTHY)
    return meaning


class Activity(StrEnum):
    """How a scaling activity stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ACTIVITIES = {
    Activity.DONE: "Successful",
    Activity.FAILED: "Failed",
    Activity.CANCELLED: "Cancelled",
    Activity.RUNNING: (
        "PendingSpotBidPlacement WaitingForSpotInstanceRequestId WaitingForSpotInstanceId "
        "WaitingForInstanceId PreInService InProgress WaitingForELBConnectionDraining MidLifecycleAction "
        "WaitingForInstanceWarmup WaitingForConnectionDraining WaitingForInPlaceUpdateToStart "
        "WaitingForInPlaceUpdateToFinalize InPlaceUpdateInProgress"
    ),
}
ACTIVITIES = {name: stands for stands, names in _ACTIVITIES.items() for name in names.split()}

# State Manager's statuses are free strings. Known: https://docs.aws.amazon.com/systems-manager/latest/
# userguide/state-manager-about.html and per instance https://docs.aws.amazon.com/systems-manager/latest/
# userguide/state-manager-associations-history.html
RUN_SUCCEEDED = frozenset({"Success"})
RUN_FAILED = frozenset({"Failed", "TimedOut", "DeliveryTimedOut", "ExecutionTimedOut", "Undeliverable"})
RUN_GOES_ON = frozenset({"Pending", "Associated", "InProgress", "Delayed", "Cancelling"})
RUN_LEFT_OUT = frozenset({"Skipped", "Cancelled", "Terminated"})
"""Such as where a run was not begun any more because it had failed on others."""
RUN_ENDED = RUN_SUCCEEDED | RUN_FAILED | RUN_LEFT_OUT

# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
_MADE = _open(Code.DATABASE_CREATING)
_BUSY = _weak(Code.DATABASE_MODIFYING)
_AWAY = _bad(Code.DATABASE_UNAVAILABLE)
_BROKEN = _bad(Code.DATABASE_FAILED)
DATABASES: dict[str, Meaning] = {
    **_each(_OK, "available backing-up modifying storage-optimization storage-config-upgrade"),
    **_each(_OK, "update-iam-db-auth configuring-enhanced-monitoring configuring-iam-database-auth"),
    **_each(_OK, "configuring-log-exports configuring-associated-roles configuring-activity-stream"),
    **_each(_OK, "resetting-master-credentials delete-precheck"),
    **_each(_MADE, "creating starting migrating preparing-data-migration cloning restoring"),
    **_each(_BUSY, "failing-over maintenance upgrading renaming rebooting promoting backtracking"),
    **_each(_BUSY, "converting-to-vpc moving-to-vpc storage-initialization scaling-compute scaling-storage"),
    **_each(_AWAY, "stopped stopping deleting storage-full insufficient-capacity"),
    **_each(_AWAY, "inaccessible-encryption-credentials inaccessible-encryption-credentials-recoverable"),
    **_each(_BROKEN, "failed cloning-failed migration-failed restore-error incompatible-create"),
    **_each(_BROKEN, "incompatible-credentials incompatible-network incompatible-option-group"),
    **_each(_BROKEN, "incompatible-parameters incompatible-restore"),
}


def of_load_balancer(state: str) -> Meaning:
    """Return what a load balancer's state means."""
    return LOAD_BALANCERS.get(state, _RAW)


def of_database(status: str) -> Meaning:
    """Return what the status of a database cluster or instance means."""
    return DATABASES.get(status, _RAW)
