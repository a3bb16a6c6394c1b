"""The statuses that AWS reports for targets, load balancers, instances, runs and databases, each listed once.

Each has its health, the code of a message with the reason, and the status that pages display for it. The
labels are in `deployments/health/display/aws_badges.py`. A status that is not in a table is unknown and
displayed as AWS reports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules import missing_paths
from deployments.health.rules.observations import ObservedTarget


@dataclass(frozen=True, slots=True)
class AwsStatus:
    """The meaning of a status. `counts` is False for resources being removed, which the totals exclude."""

    health: HealthStatus
    display: DisplayStatus
    code: Code | None = None
    counts: bool = True

    def message(self, where: str, code: str = "") -> Message | None:
        """Return the reason for the health of `where`; None if healthy. `code` is AWS's status or reason."""
        return Message(self.code, {"where": where, "code": code}) if self.code else None


def _ok(display: DisplayStatus = DisplayStatus.DONE) -> AwsStatus:
    return AwsStatus(HealthStatus.HEALTHY, display)


def _bad(code: Code, display: DisplayStatus = DisplayStatus.FAILED) -> AwsStatus:
    return AwsStatus(HealthStatus.UNHEALTHY, display, code)


def _weak(code: Code, display: DisplayStatus = DisplayStatus.ATTENTION) -> AwsStatus:
    return AwsStatus(HealthStatus.DEGRADED, display, code)


def _open(code: Code, display: DisplayStatus = DisplayStatus.PENDING) -> AwsStatus:
    return AwsStatus(HealthStatus.UNKNOWN, display, code)


def _out(code: Code, display: DisplayStatus, health: HealthStatus = HealthStatus.UNKNOWN) -> AwsStatus:
    return AwsStatus(health, display, code, counts=False)


def _each(meaning: AwsStatus, names: str) -> dict[str, AwsStatus]:
    return dict.fromkeys(names.split(), meaning)


_UNKNOWN = _open(Code.STATUS_UNKNOWN)

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
TARGET_STATES: dict[str, AwsStatus] = {
    "healthy": _ok(),
    "initial": _open(Code.TARGET_INITIAL, DisplayStatus.PROGRESS),
    "unhealthy": _bad(Code.TARGET_UNHEALTHY),
    "unhealthy.draining": _out(Code.TARGET_DRAINING, DisplayStatus.FAILED),
    "draining": _out(Code.TARGET_DRAINING, DisplayStatus.SETTLING),
    "unused": _open(Code.TARGET_UNUSED),
    "unavailable": _open(Code.TARGET_UNAVAILABLE),
}
TARGET_REASONS: dict[str, AwsStatus] = {
    "Elb.RegistrationInProgress": _open(Code.TARGET_REGISTERING),
    "Elb.InitialHealthChecking": _open(Code.TARGET_INITIAL),
    "Target.ResponseCodeMismatch": _bad(Code.TARGET_RESPONSE_CODE),
    "Target.Timeout": _bad(Code.TARGET_TIMEOUT),
    "Target.FailedHealthChecks": _bad(Code.TARGET_FAILED_CHECKS),
    "Target.NotRegistered": _open(Code.TARGET_NOT_REGISTERED),
    "Target.NotInUse": _open(Code.TARGET_NOT_IN_USE),
    "Target.DeregistrationInProgress": _out(Code.TARGET_DRAINING, DisplayStatus.SETTLING),
    "Target.InvalidState": _out(Code.TARGET_STOPPED, DisplayStatus.FAILED, HealthStatus.UNHEALTHY),
    "Target.IpUnusable": _bad(Code.TARGET_IP_UNUSABLE),
    "Target.HealthCheckDisabled": _open(Code.TARGET_CHECK_DISABLED),
    "Elb.InternalError": _open(Code.TARGET_BALANCER_ERROR),
}


def of_target(state: str, reason: str) -> AwsStatus:
    """Return the meaning of a target's state, or of the more precise reason code."""
    known = TARGET_STATES.get(state)
    if known is None:
        return _UNKNOWN
    if known.health is HealthStatus.HEALTHY or not known.counts:
        return known
    precise = TARGET_REASONS.get(reason)
    if state == "unhealthy" and precise and precise.health is not HealthStatus.UNHEALTHY:
        return replace(precise, health=HealthStatus.UNHEALTHY)  # the state outranks its reason
    return precise or known


def reason_of_target(target: ObservedTarget, where: str) -> Message | None:
    """Return why a target is not healthy, if known what is missing on the way to it; None if healthy."""
    meaning = of_target(target.state, target.reason)
    missing = target.missing_path
    if missing is not None and missing.code in missing_paths.CHECKS and meaning.code is Code.TARGET_TIMEOUT:
        return missing
    return meaning.message(where, target.reason or target.state)


_OUT_OF_SERVICE = frozenset({"initial", "unhealthy", "unhealthy.draining", "draining", "unused"})


def is_out_of_service(state: str) -> bool:
    """Return whether a target in this state gets no new requests, according to AWS."""
    return state in _OUT_OF_SERVICE


# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html
LOAD_BALANCERS: dict[str, AwsStatus] = {
    "active": _ok(),
    "provisioning": _open(Code.BALANCER_PROVISIONING, DisplayStatus.PROGRESS),
    "active_impaired": _weak(Code.BALANCER_IMPAIRED),
    "failed": _bad(Code.BALANCER_FAILED),
}

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
_STARTS = _open(Code.INSTANCE_STARTING, DisplayStatus.PROGRESS)
_LEAVES = _out(Code.INSTANCE_LEAVING, DisplayStatus.SETTLING)
_ASIDE = _out(Code.INSTANCE_STANDBY, DisplayStatus.PENDING)
LIFECYCLES: dict[str, AwsStatus] = {
    "InService": _ok(),
    "Quarantined": _weak(Code.INSTANCE_QUARANTINED),
    **_each(_STARTS, "Pending Pending:Proceed RootVolumeReplaced"),
    **_each(_STARTS, "ReplacingRootVolume ReplacingRootVolume:Proceed"),
    **_each(replace(_STARTS, display=DisplayStatus.WAITING), "Pending:Wait ReplacingRootVolume:Wait"),
    **_each(_LEAVES, "Terminating Terminating:Proceed Detaching"),
    **_each(replace(_LEAVES, display=DisplayStatus.WAITING), "Terminating:Wait"),
    **_each(replace(_LEAVES, display=DisplayStatus.ATTENTION), "Terminating:Retained"),
    **_each(replace(_LEAVES, display=DisplayStatus.DELETED), "Terminated Detached"),
    **_each(replace(_ASIDE, display=DisplayStatus.SETTLING), "EnteringStandby"),
    **_each(_ASIDE, "Standby Warmed:Stopped Warmed:Running Warmed:Hibernated"),
    **_each(_ASIDE, "Warmed:Pending Warmed:Pending:Wait Warmed:Pending:Proceed Warmed:Pending:Retained"),
    **_each(_ASIDE, "Warmed:Terminating Warmed:Terminating:Wait Warmed:Terminating:Proceed"),
    **_each(_ASIDE, "Warmed:Terminating:Retained Warmed:Terminated"),
}


def of_instance(lifecycle: str, health: str) -> AwsStatus:
    """Return the meaning of an instance's lifecycle state and of its health in the group."""
    meaning = LIFECYCLES.get(lifecycle, _UNKNOWN)
    if meaning.counts and health.lower() == "unhealthy":
        return _bad(Code.INSTANCE_MARKED_UNHEALTHY)
    return meaning


def _displayed(**names: str) -> dict[str, DisplayStatus]:
    return {name: DisplayStatus[display] for display, listed in names.items() for name in listed.split()}


def _of(statuses: Mapping[str, DisplayStatus], *displays: DisplayStatus) -> frozenset[str]:
    return frozenset(status for status, display in statuses.items() if display in displays)


# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html
ACTIVITIES = _displayed(
    DONE="Successful",
    FAILED="Failed",
    CANCELLED="Cancelled",
    PROGRESS="PreInService InProgress InPlaceUpdateInProgress",
    WAITING="PendingSpotBidPlacement WaitingForSpotInstanceRequestId WaitingForSpotInstanceId "
    "WaitingForInstanceId WaitingForELBConnectionDraining MidLifecycleAction WaitingForInstanceWarmup "
    "WaitingForConnectionDraining WaitingForInPlaceUpdateToStart WaitingForInPlaceUpdateToFinalize",
)
ACTIVITY_ENDED = _of(ACTIVITIES, DisplayStatus.DONE, DisplayStatus.FAILED, DisplayStatus.CANCELLED)

# State Manager's statuses are free strings. Known: https://docs.aws.amazon.com/systems-manager/latest/
# userguide/state-manager-about.html and per instance https://docs.aws.amazon.com/systems-manager/latest/
# userguide/state-manager-associations-history.html
RUNS = _displayed(
    DONE="Success",
    FAILED="Failed TimedOut DeliveryTimedOut ExecutionTimedOut Undeliverable",
    CANCELLED="Skipped Cancelled Terminated",
    PROGRESS="InProgress",
    WAITING="Pending Associated Delayed",
    SETTLING="Cancelling",
)
RUN_SUCCEEDED = _of(RUNS, DisplayStatus.DONE)
RUN_FAILED = _of(RUNS, DisplayStatus.FAILED)
RUN_SKIPPED = _of(RUNS, DisplayStatus.CANCELLED)
"""Also for runs that did not begin because they had failed on other instances."""
RUN_ENDED = RUN_SUCCEEDED | RUN_FAILED | RUN_SKIPPED

# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
_MADE = _open(Code.DATABASE_CREATING, DisplayStatus.PROGRESS)
_BUSY = _weak(Code.DATABASE_MODIFYING, DisplayStatus.PROGRESS)
_AWAY = _bad(Code.DATABASE_UNAVAILABLE)
_BROKEN = _bad(Code.DATABASE_FAILED)
_CHANGING = _ok(DisplayStatus.SETTLING)
DATABASES: dict[str, AwsStatus] = {
    **_each(_ok(), "available backing-up"),
    **_each(_CHANGING, "modifying storage-optimization storage-config-upgrade update-iam-db-auth"),
    **_each(_CHANGING, "configuring-enhanced-monitoring configuring-iam-database-auth"),
    **_each(_CHANGING, "configuring-log-exports configuring-associated-roles configuring-activity-stream"),
    **_each(_CHANGING, "resetting-master-credentials delete-precheck"),
    **_each(_MADE, "creating starting migrating preparing-data-migration cloning restoring"),
    **_each(replace(_BUSY, display=DisplayStatus.ATTENTION), "failing-over maintenance rebooting"),
    **_each(_BUSY, "upgrading renaming promoting backtracking converting-to-vpc moving-to-vpc"),
    **_each(_BUSY, "storage-initialization scaling-compute scaling-storage"),
    **_each(replace(_AWAY, display=DisplayStatus.SETTLING), "stopping deleting"),
    **_each(_AWAY, "stopped storage-full insufficient-capacity"),
    **_each(_AWAY, "inaccessible-encryption-credentials inaccessible-encryption-credentials-recoverable"),
    **_each(_BROKEN, "failed cloning-failed migration-failed restore-error incompatible-create"),
    **_each(_BROKEN, "incompatible-credentials incompatible-network incompatible-option-group"),
    **_each(_BROKEN, "incompatible-parameters incompatible-restore"),
}


def of_load_balancer(state: str) -> AwsStatus:
    """Return the meaning of a load balancer's state."""
    return LOAD_BALANCERS.get(state, _UNKNOWN)


def of_database(status: str) -> AwsStatus:
    """Return the meaning of the status of a database cluster or instance."""
    return DATABASES.get(status, _UNKNOWN)
