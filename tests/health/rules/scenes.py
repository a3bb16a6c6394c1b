"""Builders of facts about environments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deployments.cloudformation.observed_resources import ObservedResources
from deployments.health.rules.observations import (
    LastPoll,
    Observations,
    ObservedAssociation,
    ObservedCluster,
    ObservedGroup,
    ObservedInstance,
    ObservedLoadBalancer,
    ObservedMember,
    ObservedRun,
    ObservedSiteCheck,
    ObservedTarget,
)

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
OBSERVED = NOW - timedelta(seconds=2)
ZONES = ("ap-northeast-1a", "ap-northeast-1c")
PARTS = ObservedResources(
    load_balancers={"arn:alb": "alb", "arn:nlb": "nlb"},
    target_groups={"arn:web": "web", "arn:app": "app"},
    groups={"web-group": "web", "app-group": "app"},
    associations={"web-association": "web", "app-association": "app"},
    clusters=("cluster",),
)


def target(tier: str, number: int, state: str = "healthy", reason: str = "", **values: Any) -> ObservedTarget:
    """Return a target of a tier."""
    given = {"since": OBSERVED, "observed_at": OBSERVED, "port": 9090 if tier == "app" else 80}
    return ObservedTarget(
        tier=tier,
        target_group_arn=f"arn:{tier}",
        target_id=f"i-{tier}{number}",
        state=state,
        reason=reason,
        **(given | values),
    )


def instance(tier: str, number: int, lifecycle: str = "InService", **values: Any) -> ObservedInstance:
    """Return an instance of a tier's group."""
    given: dict[str, Any] = {
        "health": "Healthy",
        "first_seen_at": OBSERVED,
        "observed_at": OBSERVED,
        "zone": ZONES[number % 2],
    }
    return ObservedInstance(
        tier=tier,
        group=f"{tier}-group",
        instance_id=f"i-{tier}{number}",
        lifecycle=lifecycle,
        **(given | values),
    )


FULL_DISK = "Task failed: [Errno 28] No space left on device"


def failed_association(task: str) -> ObservedAssociation:
    """Return the app servers' association, whose last run failed: `task` may be ""."""
    given = association("app", "Success", "Failed")
    succeeded, failed = given.runs
    failed = replace(failed, failed_task=task, failed_message=FULL_DISK)
    return replace(given, runs=(succeeded, failed))


def association(tier: str, *statuses: str, **values: Any) -> ObservedAssociation:
    """Return a tier's association with the latest run of each of its instances."""
    runs = tuple(
        ObservedRun(
            execution_id="e1",
            instance_id=f"i-{tier}{number}",
            status=status,
            detailed_status=status,
            at=OBSERVED,
        )
        for number, status in enumerate(statuses)
    )
    given: dict[str, Any] = {
        "status": "Failed" if "Failed" in statuses else statuses[0] if statuses else "Pending",
        "counts": {status: statuses.count(status) for status in statuses},
        "observed_at": OBSERVED,
        "executed_at": OBSERVED,
        "runs": runs,
        "name": f"configure-{tier}",
    }
    return ObservedAssociation(tier=tier, association_id=f"{tier}-association", **(given | values))


def member(number: int, *, writer: bool = False, status: str = "available") -> ObservedMember:
    """Return a database instance."""
    return ObservedMember(instance_id=f"db-{number}", is_writer=writer, status=status, zone=ZONES[number % 2])


def cluster(
    *members: ObservedMember, status: str = "available", observed_at: datetime = OBSERVED
) -> ObservedCluster:
    """Return a database cluster."""
    return ObservedCluster(cluster_id="cluster", status=status, members=members, observed_at=observed_at)


def load_balancer(tier: str, state: str = "active", **values: Any) -> ObservedLoadBalancer:
    """Return a load balancer."""
    given: dict[str, Any] = {"tier": tier, "arn": f"arn:{tier}", "state": state, "observed_at": OBSERVED}
    return ObservedLoadBalancer(**(given | values))


def observed_sources(at: datetime = OBSERVED) -> dict[str, LastPoll]:
    """Return every source, observed at the same time."""
    names = ("stack", "targets", "associations", "fleet", "database")
    return {name: LastPoll(source=name, observed_at=at) for name in names}


def healthy_facts(**changes: Any) -> Observations:
    """Return the facts of a healthy environment with two servers per tier, with these changes."""
    facts = Observations(
        parts=PARTS,
        sources=observed_sources(),
        load_balancers=(load_balancer("alb"), load_balancer("nlb")),
        targets=tuple(target(tier, number) for tier in ("web", "app") for number in (0, 1)),
        groups=tuple(
            ObservedGroup(tier=tier, name=f"{tier}-group", desired=2, observed_at=OBSERVED)
            for tier in ("web", "app")
        ),
        instances=tuple(instance(tier, number) for tier in ("web", "app") for number in (0, 1)),
        associations=tuple(association(tier, "Success", "Success") for tier in ("web", "app")),
        clusters=(cluster(member(0, writer=True), member(1)),),
        probe=ObservedSiteCheck(at=OBSERVED, wrote=True, read=True, milliseconds=12.0),
    )
    return replace(facts, **changes)


def with_target(facts: Observations, changed: ObservedTarget) -> Observations:
    """Return the facts with another state of one target."""
    kept = tuple(t for t in facts.targets if (t.tier, t.target_id) != (changed.tier, changed.target_id))
    return replace(facts, targets=(*kept, changed))
