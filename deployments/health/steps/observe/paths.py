"""Why health checks time out, or associations fail: which rule or route is missing on the way.

Read only while the health checks of a target time out or an association has failed on a server, and at most
every few minutes for an environment: it takes ten calls. Without the permission, or if every rule is there,
the health says what the load balancer or the association says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from deployments.aws import quota
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.elbv2 import TargetGroup
from deployments.aws.reachability import balancing, blocked, paths
from deployments.aws.reachability.balancing import Balancer
from deployments.common.errors import AwsFailure, AwsRetryable, Message
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import AssociationRun
from deployments.health.rules import missing_paths
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound

AGE: Final = timedelta(minutes=3)
"""Time between two readings of an environment's network, while it is needed."""
TIMED_OUT: Final = "Target.Timeout"
SERVICES: Final = ("ssm", "s3")
"""What an association needs: its commands, and its downloads and outputs."""


def find_missing(polls: PollRound, one: ObservedEnvironment) -> None:
    """Store what is missing on the way to targets that time out, and from servers after a failed run."""
    failed = AssociationRun.objects.of(one.environment).newest_of_each().failed_on()
    rows = [
        row
        for row in Target.objects.of(one.environment)
        if row.reason == TIMED_OUT or row.target_id in failed
    ]
    if not rows or any(row.path_read_at and row.path_read_at > polls.now - AGE for row in rows):
        return
    found: dict[int, Message] = {}
    try:
        with quota.priority(watched=False):
            found = _missing(polls, rows, failed)
    except AwsRetryable:
        return
    except AwsFailure:
        pass  # nothing else depends on it
    for row in rows:
        message = found.get(row.pk)
        stored = message.as_json() if message else None
        one.changed |= stored != row.missing_path
        Target.objects.filter(pk=row.pk).update(missing_path=stored, path_read_at=polls.now)


def _missing(polls: PollRound, rows: Sequence[Target], failed: Collection[str]) -> dict[int, Message]:
    groups = {
        group.arn: group
        for group in polls.clients.elbv2.target_groups(sorted({row.target_group_arn for row in rows}))
    }
    described = polls.clients.ec2.network_of(rows[0].target_id)
    found = {}
    for row in rows:
        group = groups.get(row.target_group_arn)
        message = missing_of(described, group, row) if group and row.reason == TIMED_OUT else None
        if message is None and row.target_id in failed:
            message = way_out_of(described, row)
        if message is not None:
            found[row.pk] = message
    return found


def missing_of(described: DescribedNetwork, group: TargetGroup, row: Target) -> Message | None:
    """Return what keeps the health checks of a group's load balancers from a target; None if nothing does."""
    target = described.instances.get(row.target_id)
    if target is None or target.subnet not in described.network.subnets:
        return None
    decisions = [
        decision
        for arn in group.load_balancer_arns
        for decision in balancing.requests_to_target(
            described.network, balancer_of(described, arn), target, group.health_port or row.port
        )
    ]
    missing = paths.all_of(decisions).missing
    if missing is None:
        return None
    where = f"{row.tier} {row.target_id}"
    return missing_paths.of_health_checks(missing, described.network, where, row.reason)


def way_out_of(described: DescribedNetwork, row: Target) -> Message | None:
    """Return what keeps a server from the services that associations need; None if nothing does."""
    node = described.instances.get(row.target_id)
    if node is None or node.subnet not in described.network.subnets:
        return None
    clients = {f"{row.tier} {row.target_id}": [node]}
    lost = blocked.lost_to_services(described.network, clients, SERVICES)
    found = (missing_paths.of_connection(one, described.network) for one in lost)
    return next(filter(None, found), None)


def balancer_of(described: DescribedNetwork, arn: str) -> Balancer:
    """Return the interfaces of a load balancer. That of another zone than a target's may send to it, or not.

    They are recognized by their description, which is "ELB app/NAME/ID" or "ELB net/NAME/ID":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
    """
    name = arn.partition(":loadbalancer/")[2]
    nodes = described.others.get(f"ELB {name}", ())
    return Balancer(
        nodes=tuple(node for node in nodes if node.subnet in described.network.subnets),
        cross_zone=name.startswith("app/"),
    )
