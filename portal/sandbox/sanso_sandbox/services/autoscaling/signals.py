"""Signals for instances that are not separate machines, as their configuration would send them."""

import logging
import time
from collections.abc import Callable

from ministack.services import alb, autoscaling
from ministack.services import cloudformation as cfn

from sanso_sandbox.engine.cloudformation import signals
from sanso_sandbox.engine.cloudformation.responses import Refusal
from sanso_sandbox.engine.registry import Record
from sanso_sandbox.protocols import in_use

logger = logging.getLogger(__name__)

CHECKS = 20  # number of checks of an instance that has just been configured
BETWEEN = 0.5  # seconds between two checks


def send(instance_id: str, *, configured: bool, allowed: Callable[[str], None] = lambda _stack: None) -> None:
    """Signal the group of an instance: success if its server passes the health checks, failure otherwise.

    Args:
        allowed: raises Denied unless the instance may signal the stack with this id.
    """
    for group in list(autoscaling._asgs.values()):
        if any(member["InstanceId"] == instance_id for member in group["Instances"]):
            status = signals.SUCCESS if configured and _passes(group, instance_id) else signals.FAILURE
            _send(group, instance_id, status, allowed)
            return


def _send(group: Record, instance_id: str, status: str, allowed: Callable[[str], None]) -> None:
    stack_name, logical_id = group.get("_resource", ("", ""))
    stack = cfn._stacks.get(stack_name)
    if stack is None:
        return
    allowed(str(stack["StackId"]))
    try:
        signals.receive(stack, logical_id, instance_id, status)
    except Refusal as refused:  # nothing waits for the signal
        logger.debug("%s did not signal: %s", instance_id, refused)


def _passes(group: Record, instance_id: str) -> bool:
    """Check the server as its load balancers will, several times, since it has just started."""
    for attempt in range(CHECKS):
        if attempt:
            time.sleep(BETWEEN)
        if all(_probe(target_group, instance_id) for target_group in group.get("TargetGroupARNs", [])):
            return True
    return False


def _probe(target_group: str, instance_id: str) -> bool:
    found = alb._tgs.get(target_group)
    if found is None:
        return True
    port = found["Port"] if found["HealthCheckPort"] == "traffic-port" else found["HealthCheckPort"]
    probe = in_use.machines().check(
        instance_id,
        found["HealthCheckProtocol"],
        int(port),
        found["HealthCheckPath"] or "",
        found["Matcher"].get("HttpCode", ""),
        timeout=float(found["HealthCheckTimeoutSeconds"]),
    )
    return probe.healthy
