"""Observers: which rule is missing where health checks time out, and when the network is read for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.aws.described_network import DescribedNetwork
from deployments.aws.reachability.network import GroupRule, Network, Node, Route, SecurityGroup, Subnet
from deployments.common.errors import AwsAccessError, AwsRetryable
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.steps.observe.paths import AGE
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    balancer_arn,
    configure,
    group_arn,
    observation,
    poll,
    reload,
    server,
    set_target_state,
)
from tests.message_texts import text_of

pytestmark = [pytest.mark.core, pytest.mark.django_db]

READ = "ec2:DescribeSecurityGroups"
SENTENCE = (
    "app i-staging-app-0 does not respond to health checks (Target.Timeout): "
    "no inbound rule of sg-app (app) allows TCP 9091 from sg-nlb (nlb), 10.0.1.5."
)


def _network(*rules: GroupRule) -> DescribedNetwork:
    everything = GroupRule(protocol="-1", peer="0.0.0.0/0")
    app = SecurityGroup(id="sg-app", name="app", ingress=rules, egress=(everything,))
    nlb = SecurityGroup(id="sg-nlb", name="nlb", egress=(everything,))
    return DescribedNetwork(
        network=Network(
            groups={"sg-app": app, "sg-nlb": nlb},
            subnets={"subnet-1": Subnet(id="subnet-1", vpc="vpc-1", zone="a", table="rtb-1")},
        ),
        instances={
            server("staging", "app", number): Node(
                address=f"10.0.1.{number + 10}", subnet="subnet-1", groups=("sg-app",)
            )
            for number in (0, 1)
        },
        others={"ELB net/staging-app/1": (Node(address="10.0.1.5", subnet="subnet-1", groups=("sg-nlb",)),)},
    )


def _timed_out(aws: FakeAws, network: DescribedNetwork | None) -> None:
    """Let the checks of an app server on port 9091 time out, in this network."""
    arn = group_arn("staging", "app")
    aws.target_group_rows[arn] = replace(
        aws.target_group_rows[arn],
        health_port=9091,
        load_balancer_arns=(balancer_arn("staging", "app"),),
    )
    aws.network = network
    set_target_state(aws, "staging", "app", 0, "unhealthy", "Target.Timeout")


def _sentences() -> set[str]:
    return {text_of(read_message(row.missing_path)) for row in Target.objects.exclude(missing_path=None)}


def test_the_missing_rule_is_named_with_the_port_of_the_health_checks(
    aws: FakeAws, environment: Environment
) -> None:
    _timed_out(aws, _network(GroupRule(protocol="tcp", first=9090, last=9090, peer="sg-nlb")))

    poll(aws)

    assert _sentences() == {SENTENCE}
    assert text_of(read_message(reload(environment).health_sentence)) == SENTENCE


def test_nothing_is_named_if_every_rule_is_there(aws: FakeAws, environment: Environment) -> None:
    _timed_out(aws, _network(GroupRule(protocol="tcp", first=9091, last=9091, peer="sg-nlb")))

    poll(aws)

    assert READ in aws.calls
    assert _sentences() == set()


def test_the_network_is_only_read_while_health_checks_time_out(
    aws: FakeAws, environment: Environment
) -> None:
    set_target_state(aws, "staging", "app", 0, "unhealthy", "Target.FailedHealthChecks")

    poll(aws)

    assert READ not in aws.calls


def test_the_network_is_read_again_after_a_while_only(aws: FakeAws, environment: Environment) -> None:
    _timed_out(aws, _network())
    poll(aws)
    poll(aws)
    assert aws.calls.count(READ) == 1

    Target.objects.update(path_read_at=timezone.now() - AGE - timedelta(seconds=1))
    aws.network = _network(GroupRule(protocol="tcp", first=9091, last=9091, peer="10.0.1.0/24"))
    poll(aws)

    assert aws.calls.count(READ) == 2
    assert _sentences() == set()


def test_a_role_that_may_not_read_networks_changes_nothing_else(
    aws: FakeAws, environment: Environment
) -> None:
    _timed_out(aws, _network())
    aws.fail(READ, AwsAccessError("UnauthorizedOperation", "You are not authorized.", READ))

    poll(aws)
    poll(aws)

    assert aws.calls.count(READ) == 1
    assert _sentences() == set()
    assert observation(environment, "targets").problem_code == ""
    assert Target.objects.get(reason="Target.Timeout").state == "unhealthy"


def test_a_throttled_reading_is_repeated(aws: FakeAws, environment: Environment) -> None:
    _timed_out(aws, _network())
    aws.fail(READ, AwsRetryable("RequestLimitExceeded", "Request limit exceeded.", READ))
    poll(aws)
    assert _sentences() == set()

    poll(aws)

    assert _sentences() == {SENTENCE}


def test_a_server_whose_association_failed_is_named_with_the_gateway_that_is_gone(
    aws: FakeAws, environment: Environment
) -> None:
    arn, servers = group_arn("staging", "app"), [server("staging", "app", number) for number in (0, 1)]
    gone = Route(destination="0.0.0.0/0", target="nat-1", active=False)
    described = _network(GroupRule(protocol="tcp", first=9090, last=9090, peer="sg-nlb"))
    aws.network = replace(described, network=replace(described.network, tables={"rtb-1": (gone,)}))
    aws.target_group_rows[arn] = replace(aws.target_group_rows[arn], load_balancer_arns=())
    configure(aws, "staging", "app", {servers[0]: "Failed", servers[1]: "Success"}, run=2)
    poll(aws, "associations")
    poll(aws)

    sentence = (
        f"app {servers[0]} cannot reach Systems Manager: the gateway nat-1 does not lead to 198.51.100.1."
    )
    assert _sentences() == {sentence}
    assert text_of(read_message(reload(environment).health_sentence)) == sentence
    configure(aws, "staging", "app", dict.fromkeys(servers, "Success"), run=3)
    poll(aws)
    assert reload(environment).health_word == "healthy"
