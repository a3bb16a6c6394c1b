"""The way of a visitor's request: which connection of it is not possible, the nearest one first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployments.aws.reachability.balancing import Balancer
from deployments.aws.reachability.decision import Control
from deployments.aws.reachability.network import Network, Node, Route, SecurityGroup
from deployments.aws.reachability.request_paths import Behind, Way, blocked_on_the_way
from tests.aws.reachability.networks import ALB_A, APP_A, DATABASE, LOCAL, WEB_A, group, network, rule

NLB_A = Node(address="10.0.4.5", subnet="app-a", groups=("sg-nlb",))
WEB, APP = "web i-web", "app i-app"
WAY = Way(
    balancers={"front": Balancer(nodes=(ALB_A,)), "back": Balancer(nodes=(NLB_A,), cross_zone=False)},
    visitor_port=80,
    targets=(
        Behind(balancer="front", name=WEB, node=WEB_A, port=80),
        Behind(balancer="back", name=APP, node=APP_A, port=9090),
    ),
    servers={WEB: [WEB_A], APP: [APP_A]},
    databases={"shop-db": [DATABASE]},
    database_port=3306,
    services=("ssm",),
)
WHOLE = network()
GROUPS = {
    **WHOLE.groups,
    "sg-web": group(
        "sg-web", ingress=(rule("sg-alb", 80),), egress=(rule("sg-nlb", 9090), rule("0.0.0.0/0", 443))
    ),
    "sg-nlb": group("sg-nlb", ingress=(rule("sg-web", 9090),), egress=(rule("sg-app", 9090),)),
    "sg-app": replace(WHOLE.groups["sg-app"], ingress=(rule("sg-nlb", 9090),)),
}


def _network(*groups: SecurityGroup, **tables: tuple[Route, ...]) -> Network:
    changed = GROUPS | {one.id: one for one in groups}
    return replace(WHOLE, groups=changed, tables={**WHOLE.tables, **tables})


def _first(found: Network, way: Way = WAY) -> tuple[str, str, Control, tuple[str, ...]] | None:
    for one in blocked_on_the_way(found, way):
        return one.source, one.destination, one.missing.control, one.missing.where
    return None


def test_nothing_is_blocked_in_a_whole_network() -> None:
    assert list(blocked_on_the_way(_network(), WAY)) == []


def _less(key: str, direction: str, *ports: int) -> SecurityGroup:
    kept = tuple(one for one in getattr(GROUPS[key], direction) if one.first not in ports)
    changed: Any = {direction: kept}
    return replace(GROUPS[key], **changed)


@pytest.mark.parametrize(
    ("key", "direction", "port", "source", "destination"),
    [
        ("sg-alb", "ingress", 80, "Internet", "front"),
        ("sg-alb", "egress", 80, "front", WEB),
        ("sg-web", "ingress", 80, "front", WEB),
        ("sg-web", "egress", 9090, WEB, "back"),
        ("sg-nlb", "ingress", 9090, WEB, "back"),
        ("sg-nlb", "egress", 9090, "back", APP),
        ("sg-app", "ingress", 9090, "back", APP),
        ("sg-app", "egress", 3306, APP, "shop-db"),
        ("sg-db", "ingress", 3306, APP, "shop-db"),
        ("sg-app", "egress", 443, APP, "Systems Manager"),
    ],
)
def test_each_rule_is_named_for_the_connection_that_needs_it(
    key: str, direction: str, port: int, source: str, destination: str
) -> None:
    found = _network(_less(key, direction, port))
    assert _first(found) == (source, destination, Control(direction), (key,))


def test_routes_and_gateways_are_named() -> None:
    assert _first(_network(public=(LOCAL,))) == ("Internet", "front", Control.ROUTE, ("public",))
    gone = Route(destination="0.0.0.0/0", target="igw-1", active=False)
    assert _first(_network(public=(LOCAL, gone))) == ("Internet", "front", Control.GATEWAY, ("igw-1",))
    closed = replace(_network(), nat_gateways={})
    assert _first(closed) == (WEB, "Systems Manager", Control.GATEWAY, ("nat-1",))


def test_a_load_balancer_that_admits_some_ranges_alone_is_not_accused() -> None:
    office = replace(GROUPS["sg-alb"], ingress=(rule("198.51.100.0/24", 80),))
    assert _first(_network(office)) is None
    private = replace(GROUPS["sg-alb"], ingress=(rule("10.0.0.0/8", 80),))
    assert _first(_network(private)) is None
    listed = replace(GROUPS["sg-alb"], ingress=(rule("pl-1", 80),))
    assert _first(_network(listed)) is None


def test_an_internal_site_has_no_visitors_from_the_internet() -> None:
    inside = replace(
        WAY, balancers={**WAY.balancers, "front": Balancer(nodes=(replace(ALB_A, public=False),))}
    )
    assert _first(_network(_less("sg-alb", "ingress", 80)), inside) is None
