"""From servers to tiers to the environment: one word and one sentence each, the worst wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deployments.core.health import aws_statuses, servers
from deployments.core.health.aws_statuses import HealthStatus
from deployments.core.health.components import STALE_AFTER, Assessment, Component, stale, worst
from deployments.core.health.facts import ClusterFact, Facts, LoadBalancerFact, MemberFact
from deployments.errors import Message
from deployments.message_codes import Code

TIERS = ("alb", "web", "nlb", "app", "database")
"""In the order in which a request passes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """alb, web, nlb, app or database: its nodes, and how many of them are healthy."""

    name: str
    verdict: Assessment
    nodes: tuple[Component, ...] = ()
    healthy: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The environment as a whole, tiers in the order a request passes them."""

    word: HealthStatus
    sentence: Message | None = None
    tiers: tuple[Tier, ...] = ()


def roll_up(facts: Facts, now: datetime) -> Health:
    """Return how the environment stands. Tiers that its templates do not have are left out.

    While it is being made, what is not well yet makes it unknown, not unhealthy.
    """
    tiers = tuple(tier for name in TIERS if (tier := _tier(name, facts, now)) is not None)
    if not tiers:
        return Health(
            word=HealthStatus.UNKNOWN,
            sentence=Message(Code.NOTHING_TO_MONITOR),
        )
    verdict = worst(tier.verdict for tier in tiers)
    if facts.being_made and verdict.word is not HealthStatus.HEALTHY:
        return Health(word=HealthStatus.UNKNOWN, sentence=Message(Code.ENVIRONMENT_CREATING), tiers=tiers)
    return Health(word=verdict.word, sentence=verdict.sentence, tiers=tiers)


def _tier(name: str, facts: Facts, now: datetime) -> Tier | None:
    if name in ("alb", "nlb"):
        return _load_balancers(name, facts, now)
    if name == "database":
        return _database(facts, now)
    return _servers(name, facts, now)


def _load_balancers(name: str, facts: Facts, now: datetime) -> Tier | None:
    expected = [arn for arn, tier in facts.parts.load_balancers.items() if tier == name]
    rows = {row.arn: row for row in facts.load_balancers if row.tier == name}
    if not expected and not rows:
        return None
    nodes = [_load_balancer(row, now) for row in rows.values()]
    nodes += [
        Component(
            kind="load_balancer",
            key=arn,
            name=arn.split("/")[-2] if arn.count("/") > 1 else arn,
            verdict=_unseen(name),
        )
        for arn in expected
        if arn not in rows
    ]
    return _of_nodes(name, nodes)


def _load_balancer(row: LoadBalancerFact, now: datetime) -> Component:
    meaning = aws_statuses.of_load_balancer(row.state)
    sentence = meaning.message(row.tier.upper(), row.reason or row.state)
    verdict = Assessment(word=meaning.health, sentence=sentence, at=row.observed_at)
    return Component(
        kind="load_balancer",
        key=row.arn,
        name=row.dns_name or row.arn,
        verdict=stale(verdict, now, row.tier.upper()),
        facts={"state": row.state, "reason": row.reason, "zones": ", ".join(row.zones)},
    )


def _unseen(where: str) -> Assessment:
    return Assessment(word=HealthStatus.UNKNOWN, sentence=Message(Code.NOT_OBSERVED, {"where": where}))


def _of_nodes(name: str, nodes: Iterable[Component]) -> Tier:
    """Return a tier that is as bad as the worst of its nodes."""
    ordered = tuple(sorted(nodes, key=lambda node: (node.zone, node.key)))
    healthy = sum(node.verdict.word is HealthStatus.HEALTHY for node in ordered)
    verdict = worst(node.verdict for node in ordered)
    return Tier(name=name, verdict=verdict, nodes=ordered, healthy=healthy, total=len(ordered))


def _servers(name: str, facts: Facts, now: datetime) -> Tier | None:
    parts = facts.parts
    known = name in parts.target_groups.values() or name in parts.groups.values()
    known |= any(row.tier == name for row in facts.targets) or any(i.tier == name for i in facts.instances)
    if not known:
        return None
    nodes = servers.components(name, facts, now)
    counted = [node for node in nodes if node.counts]
    desired = sum(group.desired for group in facts.groups if group.tier == name)
    healthy = sum(node.verdict.word is HealthStatus.HEALTHY for node in counted)
    total = max(desired, len(counted))
    verdict = _of_servers(name, counted, healthy, total, _seen(facts, now))
    return Tier(name=name, verdict=verdict, nodes=nodes, healthy=healthy, total=total)


def _seen(facts: Facts, now: datetime) -> bool:
    """Tell whether what has to be observed to know of no server at all was observed lately."""
    source = facts.sources.get("targets" if facts.parts.target_groups else "fleet")
    return source is not None and source.observed_at is not None and now - source.observed_at <= STALE_AFTER


def _of_servers(name: str, counted: list[Component], healthy: int, total: int, seen: bool) -> Assessment:
    """Return how a tier stands: some serve and some do not is degraded, nobody serves is unhealthy."""
    where: Mapping[str, str] = {"where": name}
    if not counted:
        if not seen:
            return _unseen(name)
        return Assessment(word=HealthStatus.UNHEALTHY, sentence=Message(Code.NO_SERVERS, where))
    bad = worst(node.verdict for node in counted)
    if healthy == total:
        return bad
    serving = any(node.verdict.word in (HealthStatus.HEALTHY, HealthStatus.DEGRADED) for node in counted)
    if serving:
        sentence = bad.sentence or Message(
            Code.SERVERS_MISSING,
            {"where": name, "count": str(healthy), "total": str(total)},
        )
        return Assessment(word=HealthStatus.DEGRADED, sentence=sentence, at=bad.at)
    return bad


def _database(facts: Facts, now: datetime) -> Tier | None:
    rows = {row.cluster_id: row for row in facts.clusters}
    expected = [cluster_id for cluster_id in facts.parts.clusters if cluster_id not in rows]
    if not rows and not expected:
        return None
    nodes = [_member(cluster, member, now) for cluster in rows.values() for member in cluster.members]
    verdicts = [_cluster(cluster, now) for cluster in rows.values()]
    verdicts += [_unseen(cluster_id) for cluster_id in expected]
    verdicts += [
        node.verdict
        if node.facts["role"] == "writer" or node.verdict.word is not HealthStatus.UNHEALTHY
        else Assessment(word=HealthStatus.DEGRADED, sentence=node.verdict.sentence, at=node.verdict.at)
        for node in nodes
    ]
    tier = _of_nodes("database", nodes)
    return Tier(
        name="database",
        verdict=worst(verdicts),
        nodes=tier.nodes,
        healthy=tier.healthy,
        total=tier.total,
    )


def _cluster(row: ClusterFact, now: datetime) -> Assessment:
    meaning = aws_statuses.of_database(row.status)
    verdict = Assessment(
        word=meaning.health, sentence=meaning.message(row.cluster_id, row.status), at=row.observed_at
    )
    if meaning.health is HealthStatus.HEALTHY and not any(member.is_writer for member in row.members):
        verdict = Assessment(
            word=HealthStatus.UNHEALTHY,
            sentence=Message(Code.NO_WRITER, {"where": row.cluster_id}),
            at=row.observed_at,
        )
    return stale(verdict, now, row.cluster_id)


def _member(cluster: ClusterFact, row: MemberFact, now: datetime) -> Component:
    meaning = aws_statuses.of_database(row.status)
    sentence = meaning.message(row.instance_id, row.status)
    verdict = Assessment(word=meaning.health, sentence=sentence, at=cluster.observed_at)
    told = {
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
        verdict=stale(verdict, now, row.instance_id),
        facts=told | {"pending": pending, "lag": "" if row.lag_ms is None else f"{row.lag_ms:g} ms"},
    )


__all__ = ["STALE_AFTER", "TIERS", "Assessment", "Component", "Health", "HealthStatus", "Tier", "roll_up"]
