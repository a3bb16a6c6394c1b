"""The sentences about connections that are needed and not possible, and the causes read from them."""

from __future__ import annotations

from dataclasses import replace

from deployments.aws.reachability import blocked
from deployments.aws.reachability.network import Network, SecurityGroup
from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.connections import TYPE
from tests.aws.reachability.networks import APP_A, DATABASE, LOCAL, WEB_A, network, rule

CLIENTS = {"app i-1": [APP_A], "web i-2": [WEB_A]}
DATABASES = {"shop-db": [DATABASE]}


def _with(group: SecurityGroup) -> Network:
    whole = network()
    return replace(whole, groups={**whole.groups, group.id: group})


def _codes(sentences: list[str]) -> list[str]:
    found = [recognize(TYPE, sentence) for sentence in sentences]
    return [known.cause.code for known in found if known]


def test_nothing_is_blocked_in_the_whole_network() -> None:
    """Web servers have no rule for the database, and none of its rules names them: they need none."""
    assert list(blocked.to_databases(network(), CLIENTS, DATABASES, 3306)) == []
    assert list(blocked.to_services(network(), CLIENTS, ["ssm", "s3"])) == []


def test_the_missing_rule_of_the_database_is_named() -> None:
    less = _with(SecurityGroup(id="sg-db", name="db"))

    found = list(blocked.to_databases(less, CLIENTS, DATABASES, 3306))

    assert found == [
        "app i-1 cannot reach shop-db: no inbound rule of sg-db (db) allows TCP 3306 "
        "from sg-app (sg-app), 10.0.4.10."
    ]
    assert _codes(found) == ["NoInboundRule"]


def test_the_missing_rule_of_the_servers_is_named() -> None:
    less = _with(SecurityGroup(id="sg-app", egress=(rule("0.0.0.0/0", 443),)))

    found = list(blocked.to_databases(less, CLIENTS, DATABASES, 3306))

    assert _codes(found) == ["NoOutboundRule"]
    assert "sg-app" in found[0]


def test_a_rule_for_all_traffic_does_not_mean_the_database() -> None:
    """EC2 gives a group without outbound rules one that allows everything."""
    open_group = _with(SecurityGroup(id="sg-web", egress=(rule("0.0.0.0/0"),)))
    assert list(blocked.to_databases(open_group, CLIENTS, DATABASES, 3306)) == []


def test_a_missing_route_is_named_once_the_endpoint_is_not_there_either() -> None:
    less = replace(network(), tables={**network().tables, "private": (LOCAL,)})

    found = list(blocked.to_services(less, {"app i-1": [APP_A]}, ["ssm", "s3"]))

    assert _codes(found) == ["NoRoute"]
    assert found[0].startswith("app i-1 cannot reach Systems Manager: route table private has no route to ")


def test_gateways_are_named() -> None:
    without = replace(network(), nat_gateways={})
    directly = replace(network(), tables={**network().tables, "private": network().tables["public"]})

    assert _codes(list(blocked.to_services(without, {"i-1": [APP_A]}, ["ssm"]))) == ["NoGateway"]
    assert _codes(list(blocked.to_services(directly, {"i-1": [APP_A]}, ["ssm"]))) == ["NoPublicAddress"]


def test_a_server_that_has_run_what_systems_manager_sent_refutes_the_reason_for_all() -> None:
    same = [
        f"{one} cannot reach Systems Manager: route table rtb-1 has no route to it."
        for one in ("app i-1", "i-2")
    ]
    other = "i-3 cannot reach Systems Manager: no outbound rule of sg-1 allows TCP 443 to it."
    database = "i-1 cannot reach db: route table rtb-1 has no route to it."

    assert blocked.without_refuted([*same, other, database], {"i-1"}) == [other, database]
    assert blocked.without_refuted([*same, other, database], {"i-9"}) == [*same, other, database]
