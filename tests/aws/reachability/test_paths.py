"""Connections in a VPC: what allows them, and what is named when they are not possible."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.aws.reachability.balancing import Balancer, requests_to_target
from deployments.aws.reachability.decision import Control, Decision
from deployments.aws.reachability.network import AclEntry, Endpoint, GroupRule, Network, Node, Route
from deployments.aws.reachability.paths import between, from_internet, to_internet, to_service
from deployments.aws.reachability.rules import EPHEMERAL
from tests.aws.reachability.networks import (
    ALB_A,
    APP_A,
    DATABASE,
    LOCAL,
    OPEN_ACL,
    VPC,
    WEB_A,
    WEB_B,
    group,
    network,
    rule,
)


def with_group(found: Network, name: str, **rules: Any) -> Network:
    return replace(found, groups={**found.groups, name: replace(found.groups[name], **rules)})


def with_table(found: Network, name: str, *routes: Route) -> Network:
    return replace(found, tables={**found.tables, name: routes})


def missing(decision: Decision) -> tuple[Control, tuple[str, ...], str]:
    assert decision.missing is not None
    return decision.missing.control, decision.missing.where, decision.missing.traffic


def test_a_connection_names_the_rules_that_allow_it() -> None:
    decision = between(network(), APP_A, DATABASE, 3306)
    assert decision.allowed
    named = {(one.control, one.where, one.rule) for one in decision.allowances}
    assert (Control.EGRESS, "sg-app", "tcp 3306 10.0.6.0/24") in named
    assert (Control.INGRESS, "sg-db", "tcp 3306 sg-app") in named


@pytest.mark.parametrize(
    ("name", "direction", "control"),
    [("sg-app", "egress", Control.EGRESS), ("sg-db", "ingress", Control.INGRESS)],
)
def test_without_a_rule_on_either_side_it_is_named(name: str, direction: str, control: Control) -> None:
    decision = between(with_group(network(), name, **{direction: ()}), APP_A, DATABASE, 3306)
    assert missing(decision) == (control, (name,), "tcp 3306")


def test_a_rule_that_names_a_group_allows_no_visitor() -> None:
    """A group in a rule stands for private addresses of its interfaces."""
    closed = with_group(network(), "sg-alb", ingress=(rule("sg-alb", 80),))
    assert missing(from_internet(closed, "203.0.113.9", ALB_A, 80)) == (
        Control.INGRESS,
        ("sg-alb",),
        "tcp 80",
    )


def test_a_group_that_names_itself_lets_its_own_interfaces_connect() -> None:
    one = replace(WEB_A, groups=("sg-self",))
    found = replace(
        network(),
        groups={"sg-self": group("sg-self", ingress=(rule("sg-self"),), egress=(rule("sg-self"),))},
    )
    assert between(found, one, replace(WEB_B, groups=("sg-self",)), 8080).allowed
    assert not between(found, one, replace(WEB_B, groups=("sg-other",)), 8080).allowed


def test_one_of_several_groups_is_enough() -> None:
    both = replace(DATABASE, groups=("sg-web", "sg-db"))
    assert between(network(), APP_A, both, 3306).allowed


def test_a_rule_for_another_port_or_protocol_does_not_count() -> None:
    udp = GroupRule(protocol="17", first=3306, last=3306, peer="0.0.0.0/0")
    other = with_group(network(), "sg-db", ingress=(rule("sg-app", 3307), udp))
    assert not between(other, APP_A, DATABASE, 3306).allowed


def test_an_ipv6_range_does_not_allow_an_ipv4_address() -> None:
    found = with_group(network(), "sg-db", ingress=(rule("::/0", 3306),))
    assert not between(found, APP_A, DATABASE, 3306).allowed


def test_a_prefix_list_stands_for_its_ranges() -> None:
    found = with_group(network(), "sg-db", ingress=(rule("pl-1", 3306),))
    assert not between(found, APP_A, DATABASE, 3306).allowed
    assert between(replace(found, prefix_lists={"pl-1": ("10.0.4.0/24",)}), APP_A, DATABASE, 3306).allowed


def test_a_visitor_needs_a_route_an_attached_gateway_and_a_public_address() -> None:
    visitor = "203.0.113.9"
    assert from_internet(network(), visitor, ALB_A, 80).allowed
    no_route = with_table(network(), "public", LOCAL)
    assert missing(from_internet(no_route, visitor, ALB_A, 80))[:2] == (Control.ROUTE, ("public",))
    detached = replace(network(), gateways={})
    assert missing(from_internet(detached, visitor, ALB_A, 80))[:2] == (Control.GATEWAY, ("igw-1",))
    internal = replace(ALB_A, public=False)
    assert missing(from_internet(network(), visitor, internal, 80))[0] is Control.ADDRESS


def test_a_private_subnet_reaches_the_internet_through_a_nat_gateway_alone() -> None:
    assert to_internet(network(), WEB_A).allowed
    assert missing(to_internet(with_table(network(), "private", LOCAL), WEB_A))[:2] == (
        Control.ROUTE,
        ("private",),
    )
    direct = with_table(network(), "private", Route(destination="0.0.0.0/0", target="igw-1"))
    assert missing(to_internet(direct, WEB_A))[0] is Control.ADDRESS
    blackhole = with_table(network(), "private", Route(destination="0.0.0.0/0", target="nat-1", active=False))
    assert missing(to_internet(blackhole, WEB_A))[:2] == (Control.GATEWAY, ("nat-1",))


def test_a_nat_gateway_has_to_be_available_and_needs_a_way_out_itself() -> None:
    assert missing(to_internet(replace(network(), nat_gateways={}), WEB_A))[:2] == (
        Control.GATEWAY,
        ("nat-1",),
    )
    inside = with_table(network(), "public", LOCAL)
    assert missing(to_internet(inside, WEB_A))[:2] == (Control.ROUTE, ("public",))


def test_a_gateway_endpoint_needs_no_nat_gateway_for_its_own_service() -> None:
    alone = with_table(network(), "private", LOCAL)
    assert to_service(alone, WEB_A, "s3").allowed
    assert not to_service(alone, WEB_A, "ssm").allowed


def test_a_rule_for_the_prefix_list_of_s3_is_enough_for_s3() -> None:
    found = replace(
        with_group(network(), "sg-web", egress=(rule("pl-s3", 443),)),
        prefix_lists={"pl-s3": ("52.219.0.0/20",)},
        service_lists={"s3": "pl-s3"},
    )
    assert to_service(found, WEB_A, "s3").allowed
    assert missing(to_service(found, WEB_A, "ssm"))[:2] == (Control.EGRESS, ("sg-web",))


def test_an_interface_endpoint_takes_all_connections_and_asks_its_own_groups() -> None:
    node = Node(address="10.0.2.20", subnet="web-a", groups=("sg-endpoint",))
    endpoint = Endpoint(id="vpce-2", vpc=VPC, service="ssm", nodes=(node,), private_names=True)
    closed = replace(network(), endpoints=(endpoint,))
    closed = replace(closed, groups={**closed.groups, "sg-endpoint": group("sg-endpoint")})
    assert missing(to_service(closed, WEB_A, "ssm"))[:2] == (Control.INGRESS, ("sg-endpoint",))
    opened = with_group(closed, "sg-endpoint", ingress=(rule("10.0.0.0/16", 443),))
    assert to_service(opened, WEB_A, "ssm").allowed


def test_a_network_acl_counts_in_the_order_of_its_numbers_and_for_the_responses() -> None:
    deny = AclEntry(
        number=50, egress=False, allows=False, protocol="6", first=3306, last=3306, range="0.0.0.0/0"
    )
    found = replace(network(), acls={"acl-1": (deny, *OPEN_ACL)})
    assert missing(between(found, APP_A, DATABASE, 3306)) == (Control.ACL_INGRESS, ("acl-1",), "tcp 3306")
    later = replace(network(), acls={"acl-1": (*OPEN_ACL, replace(deny, number=200))})
    assert between(later, APP_A, DATABASE, 3306).allowed
    responses = replace(deny, egress=True, first=50000, last=50010)
    found = replace(network(), acls={"acl-1": (responses, *OPEN_ACL)})
    assert missing(between(found, APP_A, DATABASE, 3306))[0] is Control.ACL_EGRESS


def test_within_a_subnet_no_network_acl_applies() -> None:
    closed = replace(network(), acls={"acl-1": ()})
    beside = replace(WEB_A, address="10.0.2.11", groups=("sg-alb",), public=False)
    assert between(closed, beside, WEB_A, 80).allowed


def test_peered_networks_need_routes_on_both_sides() -> None:
    there = replace(network().subnets["app-a"], vpc="vpc-2", table="peer")
    found = replace(network(), subnets={**network().subnets, "app-a": there})
    assert missing(between(found, APP_A, DATABASE, 3306))[:2] == (Control.ROUTE, ("peer",))
    one_way = with_table(found, "peer", Route(destination="10.0.6.0/24", target="pcx-1"))
    assert missing(between(one_way, APP_A, DATABASE, 3306))[:2] == (Control.ROUTE, ("inner",))
    both = with_table(one_way, "inner", Route(destination="10.0.4.0/24", target="pcx-1"))
    assert between(both, APP_A, DATABASE, 3306).allowed


NLB = Balancer(
    nodes=(
        Node(address="10.0.4.20", subnet="app-a", groups=("sg-nlb",)),
        Node(address="10.0.5.20", subnet="app-b", groups=("sg-nlb",)),
    ),
    cross_zone=False,
)


def behind(nlb_egress: tuple[GroupRule, ...], app_ingress: tuple[GroupRule, ...]) -> Network:
    found = with_group(network(), "sg-app", ingress=app_ingress)
    nlb = group("sg-nlb", ingress=(rule("sg-web", 9090),), egress=nlb_egress)
    return replace(found, groups={**found.groups, "sg-nlb": nlb})


def test_without_cross_zone_load_balancing_only_the_interface_of_the_zone_sends() -> None:
    found = behind((rule("10.0.4.0/24", 9090),), (rule("10.0.4.20/32", 9090),))
    assert [one.allowed for one in requests_to_target(found, NLB, APP_A, 9090)] == [True]
    crossing = requests_to_target(found, replace(NLB, cross_zone=True), APP_A, 9090)
    assert [one.allowed for one in crossing] == [True, False]


def test_health_checks_on_a_port_of_their_own_need_rules_of_their_own() -> None:
    found = behind((rule("10.0.4.0/24", 9090),), (rule("sg-nlb", 9090), rule("sg-nlb", 9091)))
    (decision,) = requests_to_target(found, NLB, APP_A, 9091)
    assert missing(decision) == (Control.EGRESS, ("sg-nlb",), "tcp 9091")


def test_a_target_sees_a_preserved_client_in_requests_and_not_in_health_checks() -> None:
    client = "10.0.2.10"
    by_client = behind((rule("0.0.0.0/0"),), (rule(f"{client}/32", 9090),))
    assert all(one.allowed for one in requests_to_target(by_client, NLB, APP_A, 9090, [client]))
    assert not any(one.allowed for one in requests_to_target(by_client, NLB, APP_A, 9090))
    by_group = behind((rule("0.0.0.0/0"),), (rule("sg-nlb", 9090),))
    assert all(one.allowed for one in requests_to_target(by_group, NLB, APP_A, 9090, [client]))


def test_a_load_balancer_without_groups_is_known_by_its_addresses() -> None:
    bare = replace(NLB, nodes=tuple(replace(node, groups=()) for node in NLB.nodes))
    by_address = behind((), (rule("10.0.4.20/32", 9090),))
    assert all(one.allowed for one in requests_to_target(by_address, bare, APP_A, 9090))
    by_group = behind((), (rule("sg-nlb", 9090),))
    assert not any(one.allowed for one in requests_to_target(by_group, bare, APP_A, 9090))


# --- properties ---

PEERS = st.sampled_from(["0.0.0.0/0", "10.0.0.0/16", "10.0.4.0/24", "10.0.4.10/32", "sg-app", "sg-x", "::/0"])
PORTS = st.integers(0, 65535)


@st.composite
def rules(draw: st.DrawFn) -> GroupRule:
    first, last = sorted((draw(PORTS), draw(PORTS)))
    return GroupRule(
        protocol=draw(st.sampled_from(["-1", "tcp", "6", "udp"])), first=first, last=last, peer=draw(PEERS)
    )


@given(st.lists(rules(), max_size=6), st.data())
def test_taking_a_rule_away_allows_nothing_new(found: list[GroupRule], data: st.DataObject) -> None:
    port = data.draw(PORTS)
    less = found[:-1]
    before = between(with_group(network(), "sg-db", ingress=tuple(found)), APP_A, DATABASE, 3306)
    after = between(with_group(network(), "sg-db", ingress=tuple(less)), APP_A, DATABASE, 3306)
    assert before.allowed or not after.allowed
    egress = with_group(network(), "sg-app", egress=(*found, rule("0.0.0.0/0", port)))
    assert to_internet(egress, APP_A, port).allowed


@given(st.lists(rules(), max_size=6), PORTS)
def test_the_rule_that_is_named_is_the_one_that_helps(found: list[GroupRule], port: int) -> None:
    """With what `missing` names added, the connection is possible, or the next thing is missing."""
    closed = with_group(network(), "sg-app", egress=tuple(found))
    closed = with_group(closed, "sg-db", ingress=tuple(found))
    seen = []
    while (lack := between(closed, APP_A, DATABASE, port).missing) is not None:
        assert lack not in seen
        seen.append(lack)
        direction = str(lack.control)
        protocol, number = lack.traffic.split()
        fresh = GroupRule(protocol=protocol, first=int(number), last=int(number), peer=lack.peer[0])
        name = lack.where[0]
        have = closed.groups[name].egress if direction == "egress" else closed.groups[name].ingress
        closed = with_group(closed, name, **{direction: (*have, fresh)})
    assert len(seen) <= 2


@st.composite
def entries(draw: st.DrawFn) -> AclEntry:
    first, last = sorted((draw(PORTS), draw(PORTS)))
    return AclEntry(
        number=draw(st.integers(1, 200)),
        egress=True,
        allows=draw(st.booleans()),
        protocol=draw(st.sampled_from(["-1", "6", "17"])),
        first=first,
        last=last,
        range=draw(st.sampled_from(["0.0.0.0/0", "10.0.6.0/24", "10.9.0.0/16"])),
    )


@given(st.lists(entries(), max_size=5, unique_by=lambda entry: entry.number))
def test_the_responses_pass_an_acl_if_each_of_their_ports_does(found: list[AclEntry]) -> None:
    """The decision for a range of ports is that for all of its ports, decided one after the other."""
    away = "10.0.6.10"
    subnets = network().subnets
    subnets = {**subnets, "web-a": replace(subnets["web-a"], acl="acl-2")}
    closed = replace(network(), subnets=subnets, acls={"acl-2": (*found, *OPEN_ACL[1:2], *OPEN_ACL[3:])})
    closed = with_group(closed, "sg-web", ingress=(rule("0.0.0.0/0"),))
    closed = with_group(closed, "sg-db", egress=(rule("0.0.0.0/0"),))

    def passes(port: int) -> bool:
        for entry in sorted(found, key=lambda one: one.number):
            matches = entry.protocol == "-1" or (entry.protocol == "6" and entry.first <= port <= entry.last)
            if matches and entry.range != "10.9.0.0/16":
                return entry.allows
        return False

    edges = {edge for entry in found for one in (entry.first, entry.last) for edge in (one - 1, one, one + 1)}
    ports = {port for port in (*edges, *EPHEMERAL) if EPHEMERAL[0] <= port <= EPHEMERAL[1]}
    source = Node(address=away, subnet="db-a", groups=("sg-db",))
    assert between(closed, source, WEB_A, 80).allowed == all(map(passes, ports))
