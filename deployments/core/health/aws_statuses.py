"""What AWS's words mean for health: each with its word of ours and a sentence. Unknown ones stay neutral.

The sentences have a place for `where` (which server, cluster or load balancer) and, where AWS gave a code,
for `code`. A word that is not in a table is `unknown` and shown as AWS says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployments.errors import N_, Sentence


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
    template: str = ""
    counts: bool = True

    def sentence(self, where: str, code: str = "") -> Sentence | None:
        """Return why, about `where`; None for what is well."""
        return Sentence(self.template, {"where": where, "code": code}) if self.template else None


_OK = Meaning(HealthStatus.HEALTHY)
_RAW = Meaning(HealthStatus.UNKNOWN, N_("%(where)s: AWS says %(code)s."))


def _bad(template: str) -> Meaning:
    return Meaning(HealthStatus.UNHEALTHY, template)


def _weak(template: str) -> Meaning:
    return Meaning(HealthStatus.DEGRADED, template)


def _open(template: str) -> Meaning:
    return Meaning(HealthStatus.UNKNOWN, template)


def _each(meaning: Meaning, names: str) -> dict[str, Meaning]:
    return dict.fromkeys(names.split(), meaning)


# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
_DRAINING = Meaning(
    HealthStatus.UNKNOWN, N_("%(where)s is being taken out; it gets no new requests."), counts=False
)
TARGET_STATES: dict[str, Meaning] = {
    "healthy": _OK,
    "initial": _open(N_("%(where)s is being checked for the first time.")),
    "unhealthy": _bad(N_("%(where)s does not pass its health checks (%(code)s).")),
    "unhealthy.draining": _DRAINING,
    "draining": _DRAINING,
    "unused": _open(N_("%(where)s gets no requests (%(code)s).")),
    "unavailable": _open(N_("%(where)s is not checked (%(code)s).")),
}
TARGET_REASONS: dict[str, Meaning] = {
    "Elb.RegistrationInProgress": _open(N_("%(where)s is being registered with its load balancer.")),
    "Elb.InitialHealthChecking": _open(N_("%(where)s is being checked for the first time.")),
    "Target.ResponseCodeMismatch": _bad(
        N_("%(where)s answers health checks with another HTTP code than wanted (%(code)s).")
    ),
    "Target.Timeout": _bad(N_("%(where)s does not answer health checks in time (%(code)s).")),
    "Target.FailedHealthChecks": _bad(
        N_("%(where)s refuses the connection of health checks, or answers nonsense (%(code)s).")
    ),
    "Target.NotRegistered": _open(N_("%(where)s is not registered with its target group (%(code)s).")),
    "Target.NotInUse": _open(
        N_("No load balancer uses the target group of %(where)s in its zone (%(code)s).")
    ),
    "Target.DeregistrationInProgress": _DRAINING,
    "Target.InvalidState": Meaning(
        HealthStatus.UNHEALTHY, N_("%(where)s is stopped or terminated (%(code)s)."), counts=False
    ),
    "Target.IpUnusable": _bad(N_("A load balancer uses the address of %(where)s itself (%(code)s).")),
    "Target.HealthCheckDisabled": _open(N_("Health checks of %(where)s are switched off (%(code)s).")),
    "Elb.InternalError": _open(N_("The load balancer of %(where)s has a fault of its own (%(code)s).")),
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
            HealthStatus.UNHEALTHY, better.template, better.counts
        )  # a state outranks what explains it
    return better or known


LOAD_BALANCERS: dict[str, Meaning] = {
    "active": _OK,
    "provisioning": _open(N_("%(where)s is being set up.")),
    "active_impaired": _weak(N_("%(where)s routes requests but cannot scale (%(code)s).")),
    "failed": _bad(N_("%(where)s could not be set up (%(code)s).")),
}

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
_STARTS = _open(N_("%(where)s is starting (%(code)s)."))
_LEAVES = Meaning(HealthStatus.UNKNOWN, N_("%(where)s is leaving its group (%(code)s)."), counts=False)
_ASIDE = Meaning(HealthStatus.UNKNOWN, N_("%(where)s stands aside of its group (%(code)s)."), counts=False)
LIFECYCLES: dict[str, Meaning] = {
    "InService": _OK,
    "Quarantined": _weak(N_("%(where)s is held in quarantine (%(code)s).")),
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
        return _bad(N_("Its Auto Scaling group takes %(where)s for unhealthy and will replace it."))
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
_MADE = _open(N_("%(where)s is being made (%(code)s)."))
_BUSY = _weak(N_("%(where)s answers, but is being changed (%(code)s)."))
_AWAY = _bad(N_("%(where)s does not answer (%(code)s)."))
_BROKEN = _bad(N_("%(where)s has failed (%(code)s)."))
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
