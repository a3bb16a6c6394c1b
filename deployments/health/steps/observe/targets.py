"""Load balancers and the health of their targets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from deployments.aws import quota
from deployments.aws.elbv2 import LoadBalancer, TargetGroup, TargetHealth
from deployments.common.errors import AwsFailure, AwsRetryable
from deployments.health.models.balancing import LoadBalancer as LoadBalancerRow
from deployments.health.models.balancing import Target
from deployments.health.steps.observe.paths import find_missing
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound
from deployments.health.steps.observe.rows import sync

WEB_PROTOCOLS = ("HTTP", "HTTPS")
PROTECTION_AGE = timedelta(minutes=10)
"""Maximum age of the known deletion protection of a load balancer: reading it takes a call for each."""


class Targets:
    """The source `targets`: one call for many load balancers, one for the targets of each group."""

    source = "targets"

    def __init__(self) -> None:
        self._balancers: dict[str, LoadBalancer] | None = None
        self._groups: dict[str, TargetGroup] = {}

    def poll_many(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        """Poll the load balancers of all environments, and the target groups whose tier is unknown."""
        self._poll_balancers(polls, [one for one in observed if one.parts.load_balancers])
        self._poll_groups(polls, [one for one in observed if "" in one.parts.target_groups.values()])

    def _poll_balancers(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        arns = [arn for one in observed for arn in one.parts.load_balancers]
        if arns:
            found = polls.call(observed, partial(polls.clients.elbv2.load_balancers, arns))
            self._balancers = None if found is None else {row.arn: row for row in found}

    def _poll_groups(self, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
        nameless = [arn for one in observed for arn, tier in one.parts.target_groups.items() if not tier]
        if nameless:
            groups = polls.call(observed, partial(polls.clients.elbv2.target_groups, nameless))
            self._groups = {group.arn: group for group in groups or ()}

    def poll_one(self, polls: PollRound, one: ObservedEnvironment) -> None:
        """Poll the targets of the environment's target groups."""
        found: dict[str, list[TargetHealth]] = {}
        for arn in one.parts.target_groups:
            healths = polls.call([one], partial(polls.clients.elbv2.target_health, arn))
            if healths is not None:
                found[arn] = healths
        self._write_balancers(polls, one)
        _read_protection(polls, one)
        self._write_targets(polls, one, found)
        find_missing(polls, one)

    def _write_balancers(self, polls: PollRound, one: ObservedEnvironment) -> None:
        known = self._balancers if one.parts.load_balancers else {}
        if known is None:
            return
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {
            (arn,): {
                "tier": "nlb" if row.type == "network" else "alb",
                "dns_name": row.dns_name,
                "state": row.state,
                "reason": row.reason,
                "zones": list(row.zones),
            }
            for arn in one.parts.load_balancers
            if (row := known.get(arn))
        }
        changed, gone = sync(
            LoadBalancerRow.objects.filter(environment=one.environment),
            ("arn",),
            wanted,
            polls.now,
            new={"environment": one.environment, "observed_at": polls.now},
        )
        LoadBalancerRow.objects.filter(pk__in=[row.pk for row in gone]).delete()
        one.changed |= changed or bool(gone)

    def _write_targets(
        self, polls: PollRound, one: ObservedEnvironment, found: dict[str, list[TargetHealth]]
    ) -> None:
        """Write the targets of the groups that could be read; those of the others do not change."""
        zones = dict(one.environment.instances.values_list("instance_id", "zone"))
        wanted: dict[tuple[Any, ...], dict[str, Any]] = {
            (arn, health.target_id, health.port): {
                "tier": one.parts.target_groups[arn] or self._tier(arn),
                "zone": health.zone or zones.get(health.target_id, ""),
                "state": health.state,
                "reason": health.reason,
                "description": health.description,
            }
            for arn, healths in found.items()
            for health in healths
        }
        unread = [arn for arn in one.parts.target_groups if arn not in found and one.problem]
        changed, gone = sync(
            Target.objects.of(one.environment).exclude(target_group_arn__in=unread),
            ("target_group_arn", "target_id", "port"),
            wanted,
            polls.now,
            new={"environment": one.environment, "since": polls.now, "observed_at": polls.now},
            since="since",
        )
        Target.objects.filter(pk__in=[row.pk for row in gone]).delete()
        one.changed |= changed or bool(gone)

    def _tier(self, arn: str) -> str:
        group = self._groups.get(arn)
        return "web" if group and group.protocol in WEB_PROTOCOLS else "app"


def _read_protection(polls: PollRound, one: ObservedEnvironment) -> None:
    """Read whether the load balancers are protected from deletion, where that is unknown or out of date.

    If a read is denied or fails, keep the stored value: nothing else depends on it.
    """
    for row in LoadBalancerRow.objects.protection_older_than(one.environment, polls.now - PROTECTION_AGE):
        values: dict[str, Any] = {"protection_at": polls.now}
        try:
            with quota.priority(watched=False):
                values["deletion_protection"] = polls.clients.elbv2.deletion_protection(row.arn)
        except AwsRetryable:
            continue
        except AwsFailure:
            pass
        LoadBalancerRow.objects.filter(pk=row.pk).update(**values)
