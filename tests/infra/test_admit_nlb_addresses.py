"""The app servers' security group lets in the NLB's addresses, and stays as it is otherwise."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import admit_nlb_addresses
import boto3
import pytest
from botocore.exceptions import ClientError

from tests.infra.conftest import Answers, Invocation

NLB = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/net/nlb-0a1b/0123456789abcdef"
GROUP = "sg-0123"
SHORT = 19.0  # seconds: over the time kept for the answer, but not by another look at the interfaces
Rule = tuple[str, int, str]


class Ec2:
    """EC2 as far as the function talks to it, with its refusals: duplicates and what is not there."""

    def __init__(self, *groups: str) -> None:
        self.interfaces: list[dict[str, str]] = []
        self.rules: dict[str, dict[str, dict[str, Any]]] = {group: {} for group in groups}
        self.ids = (f"sgr-{n}" for n in itertools.count(1))
        self.before_authorize: list[Rule] = []

    def attach(self, description: str, *addresses: str) -> None:
        self.interfaces += [
            {"Description": description, "PrivateIpAddress": address, "SubnetId": f"subnet-{address}"}
            for address in addresses
        ]

    def add(self, group: str, port: int, cidr: str, description: str = "") -> None:
        if group not in self.rules:
            raise _error("InvalidGroup.NotFound")
        if any((r["FromPort"], r["CidrIpv4"]) == (port, cidr) for r in self.rules[group].values()):
            raise _error("InvalidPermission.Duplicate")
        rule_id = next(self.ids)
        self.rules[group][rule_id] = {
            "SecurityGroupRuleId": rule_id,
            "IsEgress": False,
            "IpProtocol": "tcp",
            "FromPort": port,
            "ToPort": port,
            "CidrIpv4": cidr,
            "Description": description,
        }

    def let_in(self, group: str = GROUP) -> set[tuple[int, str]]:
        return {(r["FromPort"], r["CidrIpv4"]) for r in self.rules[group].values()}

    # --- the API ---

    def describe_network_interfaces(self, *, Filters: list[dict[str, Any]]) -> dict[str, Any]:
        (wanted,) = Filters
        assert wanted["Name"] == "description"
        return {"NetworkInterfaces": [i for i in self.interfaces if i["Description"] in wanted["Values"]]}

    def get_paginator(self, operation: str) -> Ec2:
        assert operation == "describe_security_group_rules"
        return self

    def paginate(self, *, Filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        (group,) = Filters[0]["Values"]
        if group not in self.rules:
            raise _error("InvalidGroup.NotFound")
        for rule in list(self.rules[group].values()):
            yield {"SecurityGroupRules": [rule]}

    def authorize_security_group_ingress(self, *, GroupId: str, IpPermissions: list[dict[str, Any]]) -> None:
        for group, port, cidr in self.before_authorize:
            self.add(group, port, cidr)
        self.before_authorize = []
        for permission in IpPermissions:
            for address in permission["IpRanges"]:
                self.add(GroupId, permission["FromPort"], address["CidrIp"], address["Description"])

    def revoke_security_group_ingress(self, *, GroupId: str, SecurityGroupRuleIds: list[str]) -> None:
        for rule_id in SecurityGroupRuleIds:
            if rule_id not in self.rules[GroupId]:
                raise _error("InvalidSecurityGroupRuleId.NotFound")
            del self.rules[GroupId][rule_id]


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Ec2:
    """EC2 with one security group, and an NLB with an interface in each of two subnets."""
    fake = Ec2(GROUP)
    fake.attach("ELB net/nlb-0a1b/0123456789abcdef", "10.0.4.10", "10.0.5.10")
    monkeypatch.setattr(boto3, "client", lambda _: fake)
    return fake


def properties(**changes: object) -> dict[str, object]:
    return {
        "LoadBalancerArn": NLB,
        "SecurityGroupId": GROUP,
        "SubnetIds": ["subnet-a", "subnet-b"],
        "Ports": ["9090"],
        **changes,
    }


def call(answers: Answers, kind: str, asked: dict[str, object], physical_id: str = "") -> dict[str, Any]:
    """Let the function carry out a request and return its answer."""
    answers.bodies.clear()
    admit_nlb_addresses.handler(answers.event(kind, asked, physical_id), Invocation(SHORT))
    return answers.only


def test_the_addresses_of_the_nlb_are_let_in_and_no_others(ec2: Ec2, answers: Answers) -> None:
    ec2.attach("ELB net/nlb-0a1b-blue/fedcba9876543210", "10.0.4.99")

    assert call(answers, "Create", properties())["Status"] == "SUCCESS"

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.10/32")}


def test_creating_twice_succeeds_and_changes_nothing(ec2: Ec2, answers: Answers) -> None:
    first = call(answers, "Create", properties())
    before = dict(ec2.rules[GROUP])

    again = call(answers, "Create", properties())

    assert (again["Status"], again["PhysicalResourceId"]) == ("SUCCESS", first["PhysicalResourceId"])
    assert ec2.rules[GROUP] == before


def test_a_rule_that_appears_in_the_meantime_is_no_error(ec2: Ec2, answers: Answers) -> None:
    ec2.before_authorize = [(GROUP, 9090, "10.0.4.10/32")]

    assert call(answers, "Create", properties())["Status"] == "SUCCESS"

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.10/32")}


def test_another_port_is_opened_and_the_old_one_closed(ec2: Ec2, answers: Answers) -> None:
    physical_id = call(answers, "Create", properties())["PhysicalResourceId"]

    updated = call(answers, "Update", properties(Ports=["9090", "9091"]), physical_id)
    assert ec2.let_in() == {(p, f"10.0.{s}.10/32") for p in (9090, 9091) for s in (4, 5)}

    call(answers, "Update", properties(Ports=["9091"]), physical_id)
    assert ec2.let_in() == {(9091, "10.0.4.10/32"), (9091, "10.0.5.10/32")}
    assert updated["PhysicalResourceId"] == physical_id


def test_an_address_that_the_nlb_gave_up_is_shut_out(ec2: Ec2, answers: Answers) -> None:
    physical_id = call(answers, "Create", properties())["PhysicalResourceId"]
    ec2.interfaces[1]["PrivateIpAddress"] = "10.0.5.77"

    call(answers, "Update", properties(), physical_id)

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.77/32")}


def test_rules_that_others_made_are_left_alone(ec2: Ec2, answers: Answers) -> None:
    ec2.add(GROUP, 22, "10.0.0.9/32", "an operator's")
    ec2.add(GROUP, 9090, "10.0.4.10/32", "an operator's too")

    physical_id = call(answers, "Create", properties())["PhysicalResourceId"]
    call(answers, "Delete", properties(), physical_id)

    assert ec2.let_in() == {(22, "10.0.0.9/32"), (9090, "10.0.4.10/32")}


def test_another_nlb_gets_another_physical_id_and_the_old_rules_go_with_the_old_one(
    ec2: Ec2, answers: Answers
) -> None:
    old = call(answers, "Create", properties())["PhysicalResourceId"]
    ec2.attach("ELB net/nlb-9z9z/1111111111111111", "10.0.4.20", "10.0.5.20")
    changed = properties(
        LoadBalancerArn=NLB.replace("nlb-0a1b/0123456789abcdef", "nlb-9z9z/1111111111111111")
    )

    new = call(answers, "Update", changed, old)["PhysicalResourceId"]
    assert new != old
    call(answers, "Delete", properties(), old)

    assert ec2.let_in() == {(9090, "10.0.4.20/32"), (9090, "10.0.5.20/32")}


def test_interfaces_that_never_come_fail_the_stack_with_their_number(ec2: Ec2, answers: Answers) -> None:
    del ec2.interfaces[1]

    answer = call(answers, "Create", properties())

    assert answer["Status"] == "FAILED"
    assert "1 of 2 network interfaces of net/nlb-0a1b/0123456789abcdef are there." in answer["Reason"]
    assert ec2.let_in() == set()


def test_interfaces_that_come_late_are_waited_for(
    ec2: Ec2, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = ec2.interfaces.pop()
    monkeypatch.setattr(time, "sleep", lambda _: ec2.interfaces.append(late))

    admit_nlb_addresses.handler(answers.event("Create", properties()), Invocation())

    assert answers.only["Status"] == "SUCCESS"
    assert len(ec2.let_in()) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"LoadBalancerArn": "", "SecurityGroupId": GROUP},
        {"LoadBalancerArn": "arn:of:something:else", "SecurityGroupId": GROUP},
        properties(SecurityGroupId="sg-gone"),
    ],
    ids=["no properties", "no load balancer", "not a load balancer", "a group that is gone"],
)
def test_deleting_what_was_never_made_or_is_gone_succeeds(
    ec2: Ec2, answers: Answers, asked: dict[str, object]
) -> None:
    assert call(answers, "Delete", asked, "Thing")["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (properties(LoadBalancerArn=NLB.replace("/net/", "/app/")), "not the ARN of a network load balancer"),
        (properties(Ports=[]), "The property Ports is missing."),
        (properties(SecurityGroupId=""), "The property SecurityGroupId is missing."),
    ],
)
def test_wrong_properties_are_named(
    ec2: Ec2, answers: Answers, asked: dict[str, object], reason: str
) -> None:
    answer = call(answers, "Create", asked)

    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]


def test_a_denied_call_fails_the_stack(ec2: Ec2, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: object) -> None:
        raise _error("UnauthorizedOperation")

    monkeypatch.setattr(ec2, "authorize_security_group_ingress", denied)

    answer = call(answers, "Create", properties())

    assert answer["Status"] == "FAILED"
    assert "ClientError" in answer["Reason"]
