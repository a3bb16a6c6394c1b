"""Messages about the rule or route that keeps health checks from a server, and where health shows them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployments.aws.reachability.blocked import Blocked
from deployments.aws.reachability.decision import Control, Missing
from deployments.aws.reachability.network import GroupRule, Network, SecurityGroup
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules import missing_paths
from deployments.health.rules.observations import ObservedSiteReads
from deployments.health.rules.readiness import readiness
from deployments.health.rules.rollup import roll_up
from tests.health.rules.scenes import NOW, association, healthy_facts, target, with_target

APP = SecurityGroup(id="sg-app", name="whole-app")
NLB = SecurityGroup(id="sg-nlb", name="whole-nlb")
NETWORK = Network(groups={"sg-app": APP, "sg-nlb": NLB})
MISSING = Missing(
    control=Control.INGRESS, where=("sg-app",), traffic="tcp 9090", peer=("sg-nlb", "10.0.2.15")
)
TIMED_OUT = "Target.Timeout"


def _message(missing: Missing = MISSING, network: Network = NETWORK) -> Message | None:
    return missing_paths.of_health_checks(missing, network, "app i-app0", TIMED_OUT)


@pytest.mark.parametrize(
    ("control", "where", "traffic", "peer", "text"),
    [
        (
            Control.INGRESS,
            ("sg-app",),
            "tcp 9090",
            ("sg-nlb", "10.0.2.15"),
            "no inbound rule of sg-app (whole-app) allows TCP 9090 from sg-nlb (whole-nlb), 10.0.2.15.",
        ),
        (
            Control.EGRESS,
            ("sg-nlb",),
            "tcp 9090",
            ("10.0.4.7",),
            "no outbound rule of sg-nlb (whole-nlb) allows TCP 9090 to 10.0.4.7.",
        ),
        (
            Control.ACL_INGRESS,
            ("acl-1",),
            "tcp 1024-65535",
            ("10.0.4.7",),
            "the network ACL acl-1 does not allow inbound TCP 1024-65535 from 10.0.4.7.",
        ),
        (
            Control.ACL_EGRESS,
            ("acl-1",),
            "tcp 80",
            ("10.0.4.7",),
            "the network ACL acl-1 does not allow outbound TCP 80 to 10.0.4.7.",
        ),
        (Control.ROUTE, ("rtb-1",), "10.1.0.4", (), "the route table rtb-1 has no route to 10.1.0.4."),
    ],
)
def test_the_message_names_what_is_missing(
    control: Control, where: tuple[str, ...], traffic: str, peer: tuple[str, ...], text: str
) -> None:
    message = _message(Missing(control=control, where=where, traffic=traffic, peer=peer))

    assert message is not None
    assert message_text(message) == (f"app i-app0 does not respond to health checks ({TIMED_OUT}): {text}")


def test_a_group_with_a_prefix_list_of_unknown_addresses_is_not_accused() -> None:
    rule = GroupRule(protocol="tcp", first=9090, last=9090, peer="pl-1")
    group = replace(APP, ingress=(rule,))

    assert _message(network=Network(groups={"sg-app": group})) is None
    known = Network(groups={"sg-app": group}, prefix_lists={"pl-1": ("192.0.2.0/24",)})
    assert _message(network=known) is not None


def test_health_names_the_missing_rule_for_the_server_and_its_tier() -> None:
    message = _message()
    facts = healthy_facts()
    for number in (0, 1):
        facts = with_target(facts, target("app", number, "unhealthy", TIMED_OUT, missing_path=message))

    health = roll_up(facts, NOW)

    (tier,) = [one for one in health.tiers if one.name == "app"]
    assert health.status is HealthStatus.UNHEALTHY
    assert health.sentence == tier.assessment.sentence == message
    assert all(one.assessment.sentence == message for one in tier.components)


def test_what_was_missing_is_not_repeated_once_the_reason_is_another_one() -> None:
    changed = target("app", 0, "unhealthy", "Target.FailedHealthChecks", missing_path=_message())

    (tier,) = [one for one in roll_up(with_target(healthy_facts(), changed), NOW).tiers if one.name == "app"]

    codes = {one.assessment.sentence.code for one in tier.components if one.assessment.sentence}
    assert codes == {Code.TARGET_FAILED_CHECKS}


def test_a_deployment_that_waits_names_the_missing_rule() -> None:
    late = target("app", 0, "unhealthy", TIMED_OUT, missing_path=_message())

    assert readiness(with_target(healthy_facts(), late)).waiting_for == (_message(),)


@pytest.mark.parametrize(
    ("control", "text"),
    [
        (Control.EGRESS, "no outbound rule of sg-app (whole-app) allows TCP 3306 to sg-db."),
        (Control.INGRESS, "no inbound rule of sg-app (whole-app) allows TCP 3306 from sg-db."),
        (
            Control.ACL_EGRESS,
            "the network ACL sg-app (whole-app) does not allow outbound TCP 3306 to sg-db.",
        ),
        (
            Control.ACL_INGRESS,
            "the network ACL sg-app (whole-app) does not allow inbound TCP 3306 from sg-db.",
        ),
        (Control.ROUTE, "the route table sg-app (whole-app) has no route to TCP 3306."),
        (Control.GATEWAY, "the gateway sg-app (whole-app) does not lead to TCP 3306."),
        (Control.ADDRESS, "sg-app (whole-app) has no route to a NAT gateway."),
    ],
)
def test_the_message_about_a_connection_names_both_ends_and_what_is_missing(
    control: Control, text: str
) -> None:
    assert message_text(_lost(control)) == f"app i-app0 cannot reach shop-db: {text}"


def _lost(control: Control = Control.EGRESS) -> Message:
    missing = Missing(control=control, where=("sg-app",), traffic="tcp 3306", peer=("sg-db",))
    message = missing_paths.of_connection(
        Blocked(source="app i-app0", destination="shop-db", missing=missing), NETWORK
    )
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("reads", "status"),
    [
        (ObservedSiteReads(at=NOW, total=4, succeeded=0), HealthStatus.UNHEALTHY),
        (ObservedSiteReads(at=NOW, total=4, succeeded=2), HealthStatus.DEGRADED),
        (ObservedSiteReads(at=NOW, total=4, reached=False), HealthStatus.UNHEALTHY),
    ],
    ids=["all", "some", "not reached"],
)
def test_the_health_of_the_site_names_what_its_requests_lack(
    reads: ObservedSiteReads, status: HealthStatus
) -> None:
    facts = replace(healthy_facts(), site_reads=replace(reads, missing_path=_lost()))

    health = roll_up(facts, NOW)

    assert (health.status, health.sentence) == (status, _lost())


def test_a_site_that_cannot_be_reached_is_not_measured_if_nothing_is_missing() -> None:
    facts = replace(healthy_facts(), site_reads=ObservedSiteReads(at=NOW, total=4, reached=False))
    assert roll_up(facts, NOW).status is HealthStatus.HEALTHY


def test_a_server_whose_association_failed_is_named_with_what_its_way_out_lacks() -> None:
    lost = _lost(Control.ROUTE)
    known = target("app", 0, missing_path=lost)
    succeeded = with_target(healthy_facts(), known)
    runs = (association("web", "Success", "Success"), association("app", "Failed", "Success"))
    failed = replace(succeeded, associations=runs)

    health = roll_up(failed, NOW)

    assert (health.status, health.sentence) == (HealthStatus.DEGRADED, lost)
    assert roll_up(succeeded, NOW).status is HealthStatus.HEALTHY
