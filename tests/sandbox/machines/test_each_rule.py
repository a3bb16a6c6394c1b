"""Each rule and route of the bundled set, taken away in turn: which path needs it, and that it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from deployments.aws import described_network
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.reachability import blocked
from deployments.aws.reachability.balancing import Balancer, from_client, from_visitor, requests_to_target
from deployments.aws.reachability.decision import Control, Decision
from deployments.aws.reachability.network import Network, Node
from deployments.aws.reachability.paths import all_of, between, to_internet, to_service
from deployments.aws.reachability.request_paths import Behind, Way, blocked_on_the_way
from tests.sandbox.machines.conftest import Site
from tests.sandbox.machines.described_network import name_of, node
from tests.services import REPOSITORY

VISITOR = "203.0.113.10"
UWSGI, MYSQL = 9090, 3306
# Rules and routes that no path needs, by tier: what they are for.
UNNEEDED = {
    "db egress icmp -1 127.0.0.1/32": "EC2 would add a rule that allows everything to a group without rules",
}

DOCUMENT = REPOSITORY / "docs/sandbox.md"
TIERS = ("alb", "web", "nlb", "app", "db", "function")
ROWS = (
    *(f"| {tier}, " for tier in TIERS),
    *("| route to the", "| routes to", "| NAT gateways", "| internet gateway", "| endpoint of S3"),
)

Paths = dict[str, Callable[[Network], Decision]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The network of the deployed environment, and its paths."""

    network: Network
    paths: Paths
    described: DescribedNetwork

    def named(self, less: Network) -> set[tuple[str, ...]]:
        """Return what health and the page of a failed deployment name in a network, by ids."""
        found = [*blocked_on_the_way(less, _way(self.described))]
        functions = {
            key: nodes
            for key, nodes in self.described.others.items()
            if key.startswith("AWS Lambda VPC ENI-")
        }
        databases = {"database": self.described.others["RDSNetworkInterface"]}
        found += blocked.lost_to_databases(less, functions, databases, MYSQL)
        found += blocked.lost_to_services(less, functions, ["s3", "ssm"])
        return {one.missing.where for one in found}

    def lost(self, less: Network) -> dict[str, Decision]:
        """Return the paths that are not possible in a network."""
        found = {name: path(less) for name, path in self.paths.items()}
        return {name: decision for name, decision in found.items() if not decision.allowed}


@pytest.fixture(scope="module")
def deployed(site: Site) -> Deployed:
    ec2 = site.account.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["whole"]}])["Vpcs"]
    described = described_network.read(ec2, vpc["VpcId"])
    network = described.network
    return Deployed(network=network, paths=dict(_paths(ec2, network)), described=described)


def _way(described: DescribedNetwork) -> Way:
    """Return the way of requests through the bundled set, as the portal composes it of targets."""
    tiers = {key: group.name.rpartition("-")[2] for key, group in described.network.groups.items()}
    servers = {f"{tiers[node.groups[0]]} {key}": [node] for key, node in described.instances.items()}
    balancers = {
        key.split("/")[1]: Balancer(nodes=nodes, cross_zone=key.startswith("ELB app/"))
        for key, nodes in described.others.items()
        if key.startswith("ELB ")
    }
    public = next(key for key, one in balancers.items() if one.nodes[0].public)
    inside = next(key for key in balancers if key != public)
    return Way(
        balancers=balancers,
        visitor_port=80,
        targets=[
            Behind(
                balancer=public if name.startswith("web") else inside,
                name=name,
                node=node,
                port=80 if name.startswith("web") else UWSGI,
            )
            for name, (node,) in servers.items()
        ],
        servers=servers,
        databases={"database": described.others["RDSNetworkInterface"]},
        database_port=MYSQL,
        services=["ssm"],
    )


def _paths(ec2: Any, network: Network) -> Iterator[tuple[str, Callable[[Network], Decision]]]:
    tiers = {one.id: one.name.rpartition("-")[2] for one in network.groups.values()}
    listed = ec2.describe_network_interfaces()["NetworkInterfaces"]
    interfaces = [one for one in listed if one["SubnetId"] in network.subnets]

    def of(tier: str, *, public: bool = False) -> list[Node]:
        found = [one for one in interfaces if [tiers[group["GroupId"]] for group in one["Groups"]] == [tier]]
        return [node(one, public=public) for one in found]

    alb, nlb = (
        Balancer(nodes=tuple(of("alb", public=True))),
        Balancer(nodes=tuple(of("nlb")), cross_zone=False),
    )
    web, app, function = of("web"), of("app"), of("function")
    (db_group,) = [key for key, tier in tiers.items() if tier == "db"]
    names = {one["SubnetId"]: name_of(one) for one in ec2.describe_subnets()["Subnets"]}
    databases = [
        Node(address=_first_address(ec2, key), subnet=key, groups=(db_group,))
        for key in network.subnets
        if "-db-" in names[key]
    ]
    assert (len(alb.nodes), len(nlb.nodes), len(web), len(app), len(databases)) == (2, 2, 2, 2, 2)
    assert function

    yield "visitor → ALB", lambda less: all_of(from_visitor(less, alb, VISITOR, 80))
    yield (
        "ALB → web",
        lambda less: all_of(one for target in web for one in requests_to_target(less, alb, target, 80)),
    )
    yield (
        "web → NLB",
        lambda less: all_of(one for client in web for one in from_client(less, nlb, client, UWSGI)),
    )
    yield (
        "NLB → app, and health checks",
        lambda less: all_of(one for target in app for one in requests_to_target(less, nlb, target, UWSGI)),
    )
    for name, clients in (("app → database", app), ("function → database", function)):
        yield (
            name,
            lambda less, clients=clients: all_of(  # type: ignore[misc]
                between(less, client, database, MYSQL) for client in clients for database in databases
            ),
        )
    for name, clients in (("web", web), ("app", app), ("function", function)):
        for service in ("ssm", "secretsmanager", "s3"):
            yield (
                f"{name} → {service}",
                lambda less, clients=clients, service=service: all_of(  # type: ignore[misc]
                    to_service(less, client, service) for client in clients
                ),
            )
    yield "web → packages over HTTP", lambda less: all_of(to_internet(less, client, 80) for client in web)


def _first_address(ec2: Any, subnet: str) -> str:
    (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    return str(found["CidrBlock"]).replace(".0/24", ".10")


def test_the_bundled_set_allows_each_path_that_it_needs(deployed: Deployed) -> None:
    assert deployed.lost(deployed.network) == {}


def test_without_a_rule_the_path_that_needs_it_fails_and_the_rule_is_named(deployed: Deployed) -> None:
    unneeded = set()
    for group in deployed.network.groups.values():
        if group.name == "default":
            continue  # the VPC's own, which nothing has
        for control in (Control.INGRESS, Control.EGRESS):
            rules = group.ingress if control is Control.INGRESS else group.egress
            for rule in rules:
                left = tuple(one for one in rules if one is not rule)
                less = replace(group, **{str(control): left})  # type: ignore[arg-type]  # by its name
                network = replace(deployed.network, groups={**deployed.network.groups, group.id: less})
                lost = deployed.lost(network)
                for decision in lost.values():
                    assert decision.missing is not None
                    assert (decision.missing.control, decision.missing.where) == (control, (group.id,))
                    assert decision.missing.traffic == f"tcp {rule.first}"
                if not lost:
                    unneeded.add(f"{group.name.rpartition('-')[2]} {control} {rule}")
    assert unneeded == UNNEEDED.keys()


def test_without_a_route_the_paths_that_need_it_fail_and_it_is_named(deployed: Deployed) -> None:
    network = deployed.network
    removed = []
    for table, routes in network.tables.items():
        for route in routes:
            if route.target == "local":
                continue  # cannot be removed
            left = tuple(one for one in routes if one is not route)
            lost = deployed.lost(replace(network, tables={**network.tables, table: left}))
            assert lost, f"nothing needs {route}"
            for decision in lost.values():
                assert decision.missing is not None
                assert (decision.missing.control, decision.missing.where) == (Control.ROUTE, (table,))
            removed.append(route.target.partition("-")[0])
    assert set(removed) == {"igw", "nat"}


def test_the_documentation_lists_each_rule_and_route_with_the_paths_that_need_it(deployed: Deployed) -> None:
    wanted = sorted({*_rows_of_rules(deployed), *_rows_of_routes(deployed)})
    section = DOCUMENT.read_text().partition("## Which connections are possible")[2].partition("\n## ")[0]
    listed = [line for line in section.splitlines() if line.startswith(ROWS)]
    assert sorted(listed) == wanted, "\n".join(wanted)


def _rows_of_rules(deployed: Deployed) -> Iterator[str]:
    for group in deployed.network.groups.values():
        tier = group.name.rpartition("-")[2]
        for control in (Control.INGRESS, Control.EGRESS):
            rules = group.ingress if control is Control.INGRESS else group.egress
            for protocol, port in {(rule.protocol, rule.first) for rule in rules if group.name != "default"}:
                left = tuple(one for one in rules if (one.protocol, one.first) != (protocol, port))
                less = replace(group, **{str(control): left})  # type: ignore[arg-type]  # by its name
                groups = {**deployed.network.groups, group.id: less}
                lost = deployed.lost(replace(deployed.network, groups=groups))
                bound = "inbound" if control is Control.INGRESS else "outbound"
                traffic = f"TCP {port}" if protocol == "tcp" else protocol
                yield f"| {tier}, {bound} {traffic} | {'; '.join(lost) or 'nothing'} |"


def _rows_of_routes(deployed: Deployed) -> Iterator[str]:
    network = deployed.network
    for kind, name in (("igw", "route to the internet gateway"), ("nat", "routes to NAT gateways")):
        tables = {
            table: tuple(one for one in routes if not one.target.startswith(f"{kind}-"))
            for table, routes in network.tables.items()
        }
        yield f"| {name} | {'; '.join(deployed.lost(replace(network, tables=tables)))} |"
    lost = "; ".join(deployed.lost(replace(network, nat_gateways={})))
    yield f"| NAT gateways | {lost} |"
    lost = "; ".join(deployed.lost(replace(network, gateways={})))
    yield f"| internet gateway | {lost} |"
    yield f"| endpoint of S3 | {'; '.join(deployed.lost(replace(network, endpoints=()))) or 'nothing'} |"


def test_without_a_gateway_its_paths_fail_and_the_s3_endpoint_has_nothing_of_its_own(
    deployed: Deployed,
) -> None:
    """S3 is also reached through the NAT gateway: the endpoint saves its cost, and outlives it."""
    network = deployed.network
    for gateway in network.nat_gateways:
        less = {key: one for key, one in network.nat_gateways.items() if key != gateway}
        lost = deployed.lost(replace(network, nat_gateways=less))
        assert {one.missing.where for one in lost.values() if one.missing} == {(gateway,)}
        assert not any(name.endswith("s3") for name in lost)
    assert "visitor → ALB" in deployed.lost(replace(network, gateways={}))
    assert deployed.lost(replace(network, endpoints=())) == {}


def test_health_or_the_page_of_a_failed_deployment_names_each_rule_route_and_gateway(
    deployed: Deployed,
) -> None:
    """All but the web servers' way to package repositories over HTTP, which nothing observes."""
    network = deployed.network
    unnamed: set[str] = set()
    assert deployed.named(network) == set()
    for group in network.groups.values():
        for control in (Control.INGRESS, Control.EGRESS):
            rules = group.ingress if control is Control.INGRESS else group.egress
            for rule in rules if group.name != "default" else ():
                kept: Any = {str(control): tuple(one for one in rules if one is not rule)}
                less = replace(network, groups={**network.groups, group.id: replace(group, **kept)})
                lost = deployed.lost(less)
                if lost and (group.id,) not in deployed.named(less):
                    unnamed |= lost.keys()
    assert unnamed == {"web → packages over HTTP"}
    for table, routes in network.tables.items():
        for route in routes:
            if route.target != "local":
                left = tuple(one for one in routes if one is not route)
                assert (table,) in deployed.named(replace(network, tables={**network.tables, table: left}))
                gone = (*left, replace(route, active=False))
                assert (route.target,) in deployed.named(
                    replace(network, tables={**network.tables, table: gone})
                )
    for gateway in network.nat_gateways:
        open_ones = {key: one for key, one in network.nat_gateways.items() if key != gateway}
        assert (gateway,) in deployed.named(replace(network, nat_gateways=open_ones))
    assert set(network.gateways) == {where[0] for where in deployed.named(replace(network, gateways={}))}
