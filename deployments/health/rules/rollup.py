"""The health of tiers and of the environment, from their components: the worst status wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.health.rules import aws_statuses, servers, service
from deployments.health.rules.components import STALE_AFTER, Assessment, Component, unless_stale, worst
from deployments.health.rules.observations import (
    Observations,
    ObservedCluster,
    ObservedLoadBalancer,
    ObservedMember,
)
from deployments.health.rules.site_reads import assess_reads

TIERS = ("site", "alb", "web", "nlb", "app", "database")
"""In the order in which a request passes through them; `site` is the visitors' result of all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One of `TIERS`: its components and the number of healthy ones; for the site, of successful reads."""

    name: str
    assessment: Assessment
    components: tuple[Component, ...] = ()
    healthy: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of an environment; tiers are in the order of `TIERS`."""

    status: HealthStatus
    sentence: Message | None = None
    tiers: tuple[Tier, ...] = ()


def roll_up(facts: Observations, now: datetime) -> Health:
    """Return the health of an environment. Tiers that its templates do not have are left out.

    While it is being created, it is unknown instead of unhealthy, and so is a tier that has nothing yet.
    """
    if facts.absent:
        return Health(status=HealthStatus.UNKNOWN, sentence=facts.absent)
    tiers = tuple(tier for name in TIERS if (tier := _tier(name, facts, now)) is not None)
    if not tiers:
        return Health(
            status=HealthStatus.UNKNOWN,
            sentence=Message(Code.ENVIRONMENT_CREATING if facts.being_created else Code.NOTHING_TO_MONITOR),
        )
    assessment = _worst_tier(tiers)
    if facts.being_created and assessment.status is not HealthStatus.HEALTHY:
        creating = Assessment(status=HealthStatus.UNKNOWN, sentence=Message(Code.ENVIRONMENT_CREATING))
        tiers = tuple(tier if tier.total else replace(tier, assessment=creating) for tier in tiers)
        return Health(status=creating.status, sentence=creating.sentence, tiers=tiers)
    return Health(status=assessment.status, sentence=assessment.sentence, tiers=tiers)


def _worst_tier(tiers: Iterable[Tier]) -> Assessment:
    """Return the worst assessment; among equals, that of the tier furthest from the visitor.

    Its failures cause those of the tiers before it, and a load balancer only reports the servers behind it.
    """
    ordered = sorted(tiers, key=lambda tier: (tier.name in service.BALANCED, -TIERS.index(tier.name)))
    return max(ordered, key=lambda tier: SEVERITY[tier.assessment.status]).assessment


def _tier(name: str, facts: Observations, now: datetime) -> Tier | None:
    if name == "site":
        return _site(facts, now)
    if name in ("alb", "nlb"):
        return _load_balancers(name, facts, now)
    if name == "database":
        return _database(facts, now)
    return _servers(name, facts, now)


def _site(facts: Observations, now: datetime) -> Tier | None:
    """Return the tier of the site; None if it is not measured, which makes nothing unhealthy."""
    assessment = assess_reads(facts.site_reads, now)
    if assessment is None or facts.site_reads is None:
        return None
    found = facts.site_reads
    return Tier(name="site", assessment=assessment, healthy=found.succeeded, total=found.total)


def _load_balancers(name: str, facts: Observations, now: datetime) -> Tier | None:
    expected = [arn for arn, tier in facts.parts.load_balancers.items() if tier == name]
    rows = {row.arn: row for row in facts.load_balancers if row.tier == name}
    if not expected and not rows:
        return None
    components = [_serving(_load_balancer(row, now), name, facts, now) for row in rows.values()]
    components += [
        Component(
            kind="load_balancer",
            key=arn,
            name=arn.split("/")[-2] if arn.count("/") > 1 else arn,
            assessment=_unseen(name),
        )
        for arn in expected
        if arn not in rows
    ]
    return _of_components(name, components)


def _load_balancer(row: ObservedLoadBalancer, now: datetime) -> Component:
    meaning = aws_statuses.of_load_balancer(row.state)
    sentence = meaning.message(row.tier.upper(), row.reason or row.state)
    assessment = Assessment(status=meaning.health, sentence=sentence, at=row.observed_at)
    return Component(
        kind="load_balancer",
        key=row.arn,
        name=row.dns_name or row.arn,
        assessment=unless_stale(assessment, now, row.tier.upper()),
        facts={"state": row.state, "reason": row.reason, "zones": ", ".join(row.zones)},
    )


def _serving(balancer: Component, name: str, facts: Observations, now: datetime) -> Component:
    """Return a load balancer, unhealthy without a healthy target: its own state means only that it runs."""
    out = service.outage(service.BALANCED[name], (), facts, now)
    if out is None or balancer.assessment.status is HealthStatus.UNHEALTHY:
        return balancer
    return replace(balancer, assessment=replace(out, sentence=service.behind(name)))


def _unseen(where: str) -> Assessment:
    return Assessment(status=HealthStatus.UNKNOWN, sentence=Message(Code.NOT_OBSERVED, {"where": where}))


def _of_components(name: str, components: Iterable[Component]) -> Tier:
    """Return a tier with the status of its worst component."""
    ordered = tuple(sorted(components, key=lambda one: (one.zone, one.key)))
    healthy = sum(one.assessment.status is HealthStatus.HEALTHY for one in ordered)
    assessment = worst(one.assessment for one in ordered)
    return Tier(name=name, assessment=assessment, components=ordered, healthy=healthy, total=len(ordered))


def _servers(name: str, facts: Observations, now: datetime) -> Tier | None:
    parts = facts.parts
    known = name in parts.target_groups.values() or name in parts.groups.values()
    known |= any(row.tier == name for row in facts.targets) or any(i.tier == name for i in facts.instances)
    if not known:
        return None
    components = servers.components(name, facts, now)
    counted = [one for one in components if one.counts]
    desired = sum(group.desired for group in facts.groups if group.tier == name)
    healthy = sum(one.assessment.status is HealthStatus.HEALTHY for one in counted)
    total = max(desired, len(counted))
    assessment = (
        service.outage(name, components, facts, now)
        or service.replacement(name, components, facts)
        or _of_servers(name, counted, healthy, total, _seen(facts, now))
    )
    return Tier(name=name, assessment=assessment, components=components, healthy=healthy, total=total)


def _seen(facts: Observations, now: datetime) -> bool:
    """Return whether a recent observation would have found the tier's servers."""
    source = facts.sources.get("targets" if facts.parts.target_groups else "fleet")
    return source is not None and source.observed_at is not None and now - source.observed_at <= STALE_AFTER


def _of_servers(name: str, counted: list[Component], healthy: int, total: int, seen: bool) -> Assessment:
    """Return the assessment of a tier: degraded if only some servers serve, unhealthy if none does."""
    where: Mapping[str, str] = {"where": name}
    if not counted:
        if not seen:
            return _unseen(name)
        return Assessment(status=HealthStatus.UNHEALTHY, sentence=Message(Code.NO_SERVERS, where))
    bad = worst(one.assessment for one in counted)
    if healthy == total:
        return bad
    serving = any(one.assessment.status in (HealthStatus.HEALTHY, HealthStatus.DEGRADED) for one in counted)
    if serving:
        sentence = service.failing_checks(name, counted, total, bad.sentence) or Message(
            Code.SERVERS_MISSING,
            {"where": name, "count": str(healthy), "total": str(total)},
        )
        return Assessment(status=HealthStatus.DEGRADED, sentence=sentence, at=bad.at)
    return bad


def _database(facts: Observations, now: datetime) -> Tier | None:
    rows = {row.cluster_id: row for row in facts.clusters if facts.is_in_use(row.cluster_id)}
    expected = [one for one in facts.parts.clusters if one not in rows and facts.is_in_use(one)]
    if not rows and not expected:
        return None
    components = [_member(cluster, member, now) for cluster in rows.values() for member in cluster.members]
    assessments = [_cluster(cluster, now) for cluster in rows.values()]
    assessments += [_unseen(cluster_id) for cluster_id in expected]
    assessments += [_of_member(one) for one in components]
    tier = _of_components("database", components)
    assessment = worst(assessments)
    is_whole = assessment.status in (HealthStatus.HEALTHY, HealthStatus.UNKNOWN)
    return Tier(
        name="database",
        assessment=assessment,
        components=tier.components,
        # Its instances can be available while the cluster fails over, or has no writer: one does not serve.
        healthy=tier.healthy if is_whole else min(tier.healthy, max(0, tier.total - 1)),
        total=tier.total,
    )


def _of_member(component: Component) -> Assessment:
    """Return the effect of a member on its cluster: without a reader, the cluster is degraded."""
    own = component.assessment
    is_missing = own.status is HealthStatus.UNHEALTHY or component.transition is not None
    if component.facts["role"] == "writer" or not is_missing:
        return own
    return Assessment(status=HealthStatus.DEGRADED, sentence=own.sentence, at=own.at)


def _cluster(row: ObservedCluster, now: datetime) -> Assessment:
    meaning = aws_statuses.of_database(row.status)
    assessment = Assessment(
        status=meaning.health, sentence=meaning.message(row.cluster_id, row.status), at=row.observed_at
    )
    if meaning.health is HealthStatus.HEALTHY and not any(member.is_writer for member in row.members):
        assessment = Assessment(
            status=HealthStatus.UNHEALTHY,
            sentence=Message(Code.NO_WRITER, {"where": row.cluster_id}),
            at=row.observed_at,
        )
    return unless_stale(assessment, now, row.cluster_id)


def _member(cluster: ObservedCluster, row: ObservedMember, now: datetime) -> Component:
    meaning = aws_statuses.of_database(row.status)
    sentence = meaning.message(row.instance_id, row.status)
    assessment = Assessment(status=meaning.health, sentence=sentence, at=cluster.observed_at)
    facts = {
        "role": "writer" if row.is_writer else "reader",
        "status": row.status,
        "class": row.instance_class,
    }
    pending = ", ".join(f"{name} → {value}" for name, value in sorted(row.pending.items()))
    return Component(
        kind="database",
        key=row.instance_id,
        name=row.instance_id,
        zone=row.zone,
        assessment=unless_stale(assessment, now, row.instance_id),
        facts=facts | {"pending": pending, "lag": "" if row.lag_ms is None else f"{row.lag_ms:g} ms"},
    )


__all__ = ["STALE_AFTER", "TIERS", "Assessment", "Component", "Health", "HealthStatus", "Tier", "roll_up"]
