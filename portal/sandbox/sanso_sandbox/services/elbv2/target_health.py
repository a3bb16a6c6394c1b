"""Target health: checks of machines at each group's interval, with ELB's states and reasons.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import alb, ec2

from sanso_sandbox.engine import heartbeat
from sanso_sandbox.engine.fixes import target_group_in_use
from sanso_sandbox.engine.registry import Record
from sanso_sandbox.engine.time_scale import Wait, shortened
from sanso_sandbox.protocols import in_use
from sanso_sandbox.protocols.machines import TIMED_OUT, Probe
from sanso_sandbox.services.elbv2 import paths

LEAST_INTERVAL = 0.5  # minimum seconds between real checks at any time scale
REGISTRATION = 6.0  # AWS's seconds until all nodes of the load balancer know a new target


@dataclass(slots=True)
class _Checks:
    """The health checks of a target."""

    registered_at: float = field(default_factory=time.monotonic)
    pause: Wait | None = None  # until the next check
    state: str = "initial"
    passed: int = 0
    failed: int = 0
    last: Probe | None = None
    in_progress: bool = False

    def is_due(self) -> bool:
        return self.pause is None or self.pause.is_over()


_pool = ThreadPoolExecutor(16, thread_name_prefix="health-check")
_stopped = threading.Event()
_checks = AccountRegionScopedDict()


def install() -> None:
    """Start the health checks of all registered targets."""
    heartbeat.listen(alb._tgs, check_due)


def stop() -> None:
    """Stop health checks."""
    _stopped.set()
    _pool.shutdown(wait=False, cancel_futures=True)


def reset(account: str | None) -> None:
    """Delete the checks of an account's targets, or of all targets."""
    for key in [key for key, _value in _checks.all_items() if account in (None, key[0])]:
        _checks.pop_scoped(*key, None)


def forget(target_group: str, target_id: str, port: int) -> None:
    """Delete the checks of a target that has left its group."""
    _checks.pop((target_group, target_id, port), None)


def check_due() -> None:
    """Make the health checks of this scope that are due, and add new targets."""
    if _stopped.is_set():
        return
    now = time.monotonic()
    for target_group, group in alb._tgs.items():
        for row in list(alb._targets.get(target_group, [])):
            key = (target_group, row["Id"], row["Port"])
            known = _checks.get(key)
            if known is None:
                _checks[key] = _Checks()
            elif known.is_due() and not _unused(target_group, row) and "_draining" not in row:
                _check(group, row, known, now)


def _check(group: Record, row: Record, known: _Checks, now: float) -> None:
    if now - known.registered_at < shortened(REGISTRATION) or known.in_progress:
        return
    reached = paths.health_checks(group["TargetGroupArn"], row, _port(group, row)).allowed
    if not in_use.machines().checks_are_real:
        known.pause = Wait(group["HealthCheckIntervalSeconds"])
        _probe(dict(group), dict(row), known, reached)
        return
    known.pause = Wait(group["HealthCheckIntervalSeconds"], at_least=LEAST_INTERVAL)
    known.in_progress = True
    _pool.submit(_probe, dict(group), dict(row), known, reached)


def _port(group: Record, row: Record) -> int:
    return int(row["Port"] if group["HealthCheckPort"] == "traffic-port" else group["HealthCheckPort"])


def _probe(group: Record, row: Record, known: _Checks, reached: bool) -> None:
    """Make a check; one that does not reach the target counts as timed out at once."""
    probe = TIMED_OUT
    try:
        if reached:
            probe = in_use.machines().check(
                row["Id"],
                group["HealthCheckProtocol"],
                _port(group, row),
                group["HealthCheckPath"] or "",
                group["Matcher"].get("HttpCode", ""),
                timeout=float(group["HealthCheckTimeoutSeconds"]),
            )
    finally:
        known.in_progress = False
    known.last = probe
    known.passed, known.failed = (known.passed + 1, 0) if probe.healthy else (0, known.failed + 1)
    if known.passed >= group["HealthyThresholdCount"]:
        known.state = "healthy"
    elif known.failed >= group["UnhealthyThresholdCount"]:
        known.state = "unhealthy"


def state_of(target_group: str, row: Record) -> dict[str, str]:
    """Return a target's State, Reason and Description for DescribeTargetHealth."""
    if row.get("_unknown"):
        return _health("unused", "Target.NotRegistered", "Target is not registered to the target group")
    if "_draining" in row:
        return _health("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    unused = _unused(target_group, row)
    if unused:
        return unused
    known: _Checks | None = _checks.get((target_group, row["Id"], row["Port"]))
    if known is None or (known.state == "initial" and known.last is None):
        return _health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    if known.state == "initial":
        return _health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    if known.state == "healthy":
        return {"State": "healthy"}
    failure = known.last if known.last and not known.last.healthy else None
    return _health(
        "unhealthy",
        (failure and failure.reason) or "Target.FailedHealthChecks",
        (failure and failure.description) or "Health checks failed",
    )


def _unused(target_group: str, row: Record) -> dict[str, str] | None:
    users = target_group_in_use.load_balancers_of(target_group)
    if not users:
        return _health(
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        )
    instance = ec2._instances.get(row["Id"])
    if instance is None:
        return None
    if instance["State"]["Name"] != "running":
        state = "terminated" if instance["State"]["Name"] == "terminated" else "stopped"
        return _health("unused", "Target.InvalidState", f"Target is in the {state} state")
    zones = {
        ec2._subnets.get(subnet, {}).get("AvailabilityZone")
        for user in users
        for subnet in alb._lbs[user]["Subnets"]
    }
    if instance["Placement"]["AvailabilityZone"] not in zones:
        return _health(
            "unused",
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        )
    return None


def _health(state: str, reason: str, description: str) -> dict[str, str]:
    return {"State": state, "Reason": reason, "Description": description}
