"""Why reads of a site fail: which rule, route or gateway is missing on the way of its requests.

Read only while reads fail, and at most every few minutes for an environment, as for health checks
(`paths.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from deployments.aws import quota
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.elbv2 import TargetGroup
from deployments.aws.reachability.request_paths import Behind, Way, blocked_on_the_way
from deployments.common.errors import AwsFailure, AwsRetryable, Message
from deployments.common.rules.redaction import NOTHING
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.rules import missing_paths
from deployments.health.shared.blocked_connections import DATABASES, MYSQL, servers_of
from deployments.health.steps.observe.paths import AGE, balancer_of
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.site_check import site_of_environment

Found = tuple[dict[str, Any] | None, datetime | None]
"""A stored message, and when the network was read for it."""


def find_missing(polls: PollRound, one: ObservedEnvironment, known: Found) -> Found:
    """Return what the requests of reads that failed lack; what is known, if that is not old."""
    if known[1] is not None and known[1] > polls.now - AGE:
        return known
    try:
        with quota.priority(watched=False):
            message = _missing(polls, one)
    except AwsRetryable:
        return known
    except AwsFailure:
        message = None  # nothing else depends on it
    return message.as_json() if message else None, polls.now


def _missing(polls: PollRound, one: ObservedEnvironment) -> Message | None:
    targets = list(Target.objects.of(one.environment))
    if not targets:
        return None
    groups = polls.clients.elbv2.target_groups(sorted({row.target_group_arn for row in targets}))
    described = polls.clients.ec2.network_of(targets[0].target_id)
    services = ["ssm"] if one.parts.associations else []
    way = way_of(one.environment, described, groups, targets, services)
    found = (
        missing_paths.of_connection(blocked, described.network)
        for blocked in blocked_on_the_way(described.network, way)
    )
    return next(filter(None, found), None)


def way_of(
    environment: Environment,
    described: DescribedNetwork,
    groups: Sequence[TargetGroup],
    targets: Sequence[Target],
    services: Sequence[str] = (),
) -> Way:
    """Return what takes part in the requests of an environment."""
    balancers = {_name(arn): balancer_of(described, arn) for one in groups for arn in one.load_balancer_arns}
    clusters = list(environment.clusters.all())
    return Way(
        balancers=balancers,
        visitor_port=443 if site_of_environment(environment, NOTHING).secure else 80,
        targets=[one for group in groups for one in _behind(described, group, targets)],
        servers=servers_of(environment, described),
        databases={row.cluster_id: described.others.get(DATABASES, ()) for row in clusters},
        database_port=next((row.port for row in clusters if row.port), MYSQL),
        services=services,
    )


def _behind(described: DescribedNetwork, group: TargetGroup, targets: Sequence[Target]) -> Iterator[Behind]:
    """Yield the targets of a group in the described network, once for each load balancer."""
    for row in targets:
        node = described.instances.get(row.target_id)
        if row.target_group_arn == group.arn and node and node.subnet in described.network.subnets:
            for arn in group.load_balancer_arns:
                yield Behind(
                    balancer=_name(arn), name=f"{row.tier} {row.target_id}", node=node, port=row.port
                )


def _name(arn: str) -> str:
    """Return the name of a load balancer, which is in its ARN: …:loadbalancer/app/NAME/ID."""
    return arn.split("/")[-2]
