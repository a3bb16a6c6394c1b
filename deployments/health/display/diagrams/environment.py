"""The diagram of an environment: every component of its health as a box that links to its row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.environments.display import badges
from deployments.environments.display.tab_urls import DATABASE, SERVERS
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.display import aws_badges, panels
from deployments.health.display.diagrams import layout, svg
from deployments.health.display.panels import tier_name
from deployments.health.rules.components import Component
from deployments.health.rules.observations import Observations
from deployments.health.rules.rollup import Health, Tier
from deployments.health.rules.service import BALANCED


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentDiagram:
    """The diagram for wide and for narrow windows, and its content as rows of a table."""

    wide: SafeString
    narrow: SafeString
    rows: list[layout.Shape]


def environment_diagram(
    health: Health, facts: Observations, rows: frozenset[str], numbers: svg.EdgeNumbers | None = None
) -> EnvironmentDiagram | None:
    """Return the diagram; None if it would be empty. `numbers` are those of the way from the visitors.

    `rows` are the ids of rows that the tab of the servers shows without a query. Links are relative to the
    environment's page."""
    shapes = {tier.name: _shapes(tier, facts, rows) for tier in health.tiers}
    if not any(shapes.values()):
        return None
    tiers = {tier.name: tier for tier in health.tiers}
    for balancer, behind in BALANCED.items():
        if behind in tiers and shapes.get(balancer):
            shapes[balancer] = [_with_target_count(shape, tiers[behind]) for shape in shapes[balancer]]

    def head(name: str) -> SafeString:
        return _head(tiers[name]) if name in tiers else SafeString("")

    label = _("Architecture with the health of each component")
    visitors = format_html("<b>{}</b><br>{}", _("Visitors"), "HTTP")
    render = partial(svg.render, label=label, head=head, visitors=visitors, numbers=numbers)
    return EnvironmentDiagram(
        wide=render(layout.wide(shapes), "wide"),
        narrow=render(layout.narrow(shapes), "narrow"),
        rows=[
            shape for name in layout.TIERS for shape in sorted(shapes.get(name, ()), key=layout.worst_first)
        ],
    )


def _with_target_count(shape: layout.Shape, behind: Tier) -> layout.Shape:
    """Return a load balancer's box with the number of its healthy targets, degraded if some are missing."""
    states = [one.facts.get("state") for one in behind.components if one.counts]
    healthy, total = states.count("healthy"), max(behind.total, len(states))
    counted = _("%(healthy)d of %(total)d targets healthy") % {"healthy": healthy, "total": total}
    is_short = shape.state is HealthStatus.HEALTHY and healthy < total
    state = HealthStatus.DEGRADED if is_short else shape.state
    return replace(shape, detail=shape.detail or counted, state=state)


def _head(tier: Tier) -> SafeString:
    if tier.name in ("alb", "nlb"):
        return SafeString("")  # the box itself has the name
    counted = panels.counted(tier.name, tier.healthy, tier.total)
    kind, glyph, word = badges.HEALTH[tier.assessment.status]
    if tier.assessment.status is HealthStatus.HEALTHY:
        text = '<b>{}</b> <span class="unseen">{}</span> <span class="muted">{}</span>'
        return format_html(text, tier_name(tier.name), word, counted)
    return format_html(
        '<b>{}</b> <span class="is-{}">{}<span class="unseen"> {}</span> {}</span>',
        tier_name(tier.name),
        kind,
        badges.mark(glyph),
        word,
        counted,
    )


def _shapes(tier: Tier, facts: Observations, rows: frozenset[str]) -> list[layout.Shape]:
    since = {(target.tier, target.target_id): target.since for target in facts.targets}
    since |= {("database", m.instance_id): m.since for c in facts.clusters for m in c.members if m.since}
    return [_shape(tier, node, since.get((tier.name, node.key)), rows) for node in tier.components]


def _shape(tier: Tier, node: Component, since: datetime | None, rows: frozenset[str]) -> layout.Shape:
    detail = aws_badges.sentence_text(node.assessment.sentence, about_it=True) or _detail(node)
    name, role, tab, anchor = node.name, "", SERVERS, f"target-{tier.name}-{node.key}"
    short = ""
    if node.kind == "database":
        is_writer = node.facts.get("role") == "writer"
        role = pgettext("database", "Writer") if is_writer else pgettext("database", "Reader")
        tab, anchor = DATABASE, f"member-{node.key}"
    elif node.kind == "load_balancer":
        anchor = f"servers-{BALANCED[tier.name]}"
        name = tier.name.upper()
    elif node.kind == "server":
        short = panels.server_name(tier.name, node.key)
    return layout.Shape(
        tier=tier.name,
        key=_key(node),
        name=role or name,
        short=short,
        state=node.assessment.status,
        transition=node.transition or "",
        detail=detail,
        zone=node.zone,
        role="" if node.facts.get("role") == "writer" else role,
        since=since,
        href=f"{tab}#{anchor}" if node.kind != "server" or anchor in rows else f"{tab}?all=1#{anchor}",
    )


def _detail(node: Component) -> str:
    """Return the detail of a healthy component."""
    if node.kind != "database":
        return node.facts.get("instance_type", "")
    lag = node.facts.get("lag", "")
    behind = _("%(lag)s behind the writer") % {"lag": lag} if lag else ""
    return " · ".join(part for part in (behind, node.name) if part)


def _key(node: Component) -> str:
    """Return a key that can be part of an id: an ARN's last part, or the id itself."""
    return node.key.rsplit("/", 1)[-1]
