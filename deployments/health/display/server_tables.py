"""The servers of an environment: one table per tier, with what load balancers and groups report of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.health.display import aws_badges
from deployments.health.display.panels import PanelRows, first_rows, rank, server_name, tier_name
from deployments.health.rules.observations import Observations, ObservedInstance, ObservedTarget
from deployments.health.rules.service import BALANCED

_TARGETS_FIRST = ("unhealthy", "unhealthy.draining", "unavailable", "unused", "draining", "initial")


@dataclass(frozen=True, slots=True, kw_only=True)
class TierServer:
    """A server as a target of its load balancer, as an instance of its group, or both.

    Behind several target groups, `target` is the worst one. `is_behind`: others run a newer launch template.
    """

    tier: str
    key: str
    target: ObservedTarget | None = None
    instance: ObservedInstance | None = None
    is_behind: bool = False

    @property
    def id(self) -> str:
        """Return the row's id: the diagram links to it."""
        return f"target-{self.tier}-{self.key}"

    @property
    def name(self) -> str:
        """Return its short name, as in the diagram."""
        return server_name(self.tier, self.key)

    @property
    def zone(self) -> str:
        """Return its availability zone."""
        found = (one.zone for one in (self.instance, self.target) if one is not None)
        return next(filter(None, found), "")

    @property
    def badge(self) -> SafeString | str:
        """Return the state of the target; "" if it is none."""
        return aws_badges.target(self.target.state) if self.target else ""

    @property
    def reason(self) -> str:
        """Return the text of why it is not healthy."""
        one = self.target
        return aws_badges.reason(one.state, one.reason, one.description) if one else ""

    @property
    def raw(self) -> str:
        """Return the load balancer's own reason why it is not healthy."""
        one = self.target
        if one is None or one.state == "healthy":
            return ""
        return f"{one.state} · {one.reason}" if one.reason else one.state

    @property
    def lifecycle(self) -> SafeString | str:
        """Return the lifecycle state of the instance; "" if it is in no group."""
        return aws_badges.lifecycle(self.instance.lifecycle) if self.instance else ""

    @property
    def is_in_service(self) -> bool:
        """Return whether its group counts on it."""
        one = self.instance
        return one is None or (one.lifecycle == "InService" and one.health in ("", "Healthy", "HEALTHY"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTable:
    """The servers of one tier, problems first, with its load balancer and the sizes of its groups."""

    tier: str
    rows: PanelRows[TierServer]
    sizes: Sequence[str]
    balancers: Sequence[Mapping[str, Any]]

    @property
    def id(self) -> str:
        """Return the id of the table's section."""
        return f"servers-{self.tier}"

    @property
    def name(self) -> str:
        """Return the name of the tier."""
        return tier_name(self.tier)


def server_tables(facts: Observations, *, everything: bool) -> list[ServerTable]:
    """Return a table for each tier that has servers, a group or a load balancer."""
    balancer_of = {tier: balancer for balancer, tier in BALANCED.items()}
    rows = _rows(facts)
    others = sorted(rows.keys() - balancer_of.keys())
    tables = [
        ServerTable(
            tier=tier,
            rows=first_rows(rows.get(tier, ()), _urgency, everything=everything),
            sizes=[
                _size(group.desired, sum(one.group == group.name for one in facts.instances))
                for group in facts.groups
                if group.tier == tier
            ],
            balancers=[
                {"fact": one, "name": tier_name(one.tier), "badge": aws_badges.load_balancer(one.state)}
                for one in facts.load_balancers
                if one.tier == balancer_of.get(tier)
            ],
        )
        for tier in (*balancer_of, *others)
    ]
    return [one for one in tables if one.rows or one.sizes or one.balancers]


def _size(desired: int, number: int) -> str:
    return _("%(number)d of %(wanted)d desired") % {"number": number, "wanted": desired}


def _urgency(row: TierServer) -> tuple[Any, ...]:
    state = row.target.state if row.target else ""
    return rank(_TARGETS_FIRST, state), row.is_in_service, not row.is_behind, row.key


def _rows(facts: Observations) -> dict[str, list[TierServer]]:
    targets: dict[tuple[str, str], ObservedTarget] = {}
    for target in facts.targets:
        place = target.tier, target.target_id
        known = targets.get(place)
        if known is None or rank(_TARGETS_FIRST, target.state) < rank(_TARGETS_FIRST, known.state):
            targets[place] = target
    newest: dict[str, int] = {}
    for instance in facts.instances:
        version = _version(instance.launch_template_version)
        newest[instance.group] = max(newest.get(instance.group, 0), version)
    instances = {(one.tier, one.instance_id): one for one in facts.instances}
    found: dict[str, list[TierServer]] = defaultdict(list)
    for tier, key in targets.keys() | instances.keys():
        one = instances.get((tier, key))
        is_behind = one is not None and _version(one.launch_template_version) < newest[one.group]
        row = TierServer(
            tier=tier, key=key, target=targets.get((tier, key)), instance=one, is_behind=is_behind
        )
        found[tier].append(row)
    return found


def _version(text: str) -> int:
    return int(text) if text.isdecimal() else 0
