"""The function allows the NLB's addresses in a security group, and changes no other rule."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import admit_nlb_addresses
import boto3
import pytest
from botocore.exceptions import ClientError

from tests.infra.conftest import Invocation, Responses

NLB = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/net/nlb-0a1b/0123456789abcdef"
GROUP = "sg-0123"
SHORT = 19.0  # seconds: more than is reserved for the response, but not enough for another poll
Rule = tuple[str, int, str]


class Ec2:
    """The EC2 API calls of the function, with their errors for duplicates and missing rules."""

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
    """EC2 with a security group, and an NLB with interfaces in two subnets."""
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


def call(responses: Responses, kind: str, given: dict[str, object], physical_id: str = "") -> dict[str, Any]:
    """Call the function with a request and return its response."""
    responses.bodies.clear()
    admit_nlb_addresses.handler(responses.event(kind, given, physical_id), Invocation(SHORT))
    return responses.only


def test_only_the_addresses_of_the_nlb_are_admitted(ec2: Ec2, responses: Responses) -> None:
    ec2.attach("ELB net/nlb-0a1b-blue/fedcba9876543210", "10.0.4.99")

    assert call(responses, "Create", properties())["Status"] == "SUCCESS"

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.10/32")}


def test_creating_twice_succeeds_and_changes_nothing(ec2: Ec2, responses: Responses) -> None:
    first = call(responses, "Create", properties())
    before = dict(ec2.rules[GROUP])

    again = call(responses, "Create", properties())

    assert (again["Status"], again["PhysicalResourceId"]) == ("SUCCESS", first["PhysicalResourceId"])
    assert ec2.rules[GROUP] == before


def test_a_rule_that_was_added_meanwhile_is_no_error(ec2: Ec2, responses: Responses) -> None:
    ec2.before_authorize = [(GROUP, 9090, "10.0.4.10/32")]

    assert call(responses, "Create", properties())["Status"] == "SUCCESS"

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.10/32")}


def test_another_port_is_opened_and_the_old_one_closed(ec2: Ec2, responses: Responses) -> None:
    physical_id = call(responses, "Create", properties())["PhysicalResourceId"]

    updated = call(responses, "Update", properties(Ports=["9090", "9091"]), physical_id)
    assert ec2.let_in() == {(p, f"10.0.{s}.10/32") for p in (9090, 9091) for s in (4, 5)}

    call(responses, "Update", properties(Ports=["9091"]), physical_id)
    assert ec2.let_in() == {(9091, "10.0.4.10/32"), (9091, "10.0.5.10/32")}
    assert updated["PhysicalResourceId"] == physical_id


def test_the_rule_of_a_released_nlb_address_is_removed(ec2: Ec2, responses: Responses) -> None:
    physical_id = call(responses, "Create", properties())["PhysicalResourceId"]
    ec2.interfaces[1]["PrivateIpAddress"] = "10.0.5.77"

    call(responses, "Update", properties(), physical_id)

    assert ec2.let_in() == {(9090, "10.0.4.10/32"), (9090, "10.0.5.77/32")}


def test_rules_of_others_are_not_changed(ec2: Ec2, responses: Responses) -> None:
    ec2.add(GROUP, 22, "10.0.0.9/32", "an operator's")
    ec2.add(GROUP, 9090, "10.0.4.10/32", "an operator's too")

    physical_id = call(responses, "Create", properties())["PhysicalResourceId"]
    call(responses, "Delete", properties(), physical_id)

    assert ec2.let_in() == {(22, "10.0.0.9/32"), (9090, "10.0.4.10/32")}


def test_another_nlb_has_another_physical_id_and_the_old_rules_are_removed(
    ec2: Ec2, responses: Responses
) -> None:
    old = call(responses, "Create", properties())["PhysicalResourceId"]
    ec2.attach("ELB net/nlb-9z9z/1111111111111111", "10.0.4.20", "10.0.5.20")
    changed = properties(
        LoadBalancerArn=NLB.replace("nlb-0a1b/0123456789abcdef", "nlb-9z9z/1111111111111111")
    )

    new = call(responses, "Update", changed, old)["PhysicalResourceId"]
    assert new != old
    call(responses, "Delete", properties(), old)

    assert ec2.let_in() == {(9090, "10.0.4.20/32"), (9090, "10.0.5.20/32")}


def test_missing_interfaces_fail_the_stack_with_their_number(ec2: Ec2, responses: Responses) -> None:
    del ec2.interfaces[1]

    response = call(responses, "Create", properties())

    assert response["Status"] == "FAILED"
    assert "1 of 2 network interfaces of net/nlb-0a1b/0123456789abcdef exist." in response["Reason"]
    assert ec2.let_in() == set()


def test_the_function_waits_for_late_interfaces(
    ec2: Ec2, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = ec2.interfaces.pop()
    monkeypatch.setattr(time, "sleep", lambda _: ec2.interfaces.append(late))

    admit_nlb_addresses.handler(responses.event("Create", properties()), Invocation())

    assert responses.only["Status"] == "SUCCESS"
    assert len(ec2.let_in()) == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"LoadBalancerArn": "", "SecurityGroupId": GROUP},
        {"LoadBalancerArn": "arn:of:something:else", "SecurityGroupId": GROUP},
        properties(SecurityGroupId="sg-gone"),
    ],
    ids=["no properties", "no load balancer", "not a load balancer", "a group that is gone"],
)
def test_deleting_what_does_not_exist_succeeds(
    ec2: Ec2, responses: Responses, given: dict[str, object]
) -> None:
    assert call(responses, "Delete", given, "Thing")["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (properties(LoadBalancerArn=NLB.replace("/net/", "/app/")), "not the ARN of a network load balancer"),
        (properties(Ports=[]), "The property Ports is missing."),
        (properties(SecurityGroupId=""), "The property SecurityGroupId is missing."),
    ],
)
def test_wrong_properties_are_named(
    ec2: Ec2, responses: Responses, given: dict[str, object], reason: str
) -> None:
    response = call(responses, "Create", given)

    assert response["Status"] == "FAILED"
    assert reason in response["Reason"]


def test_a_denied_call_fails_the_stack(
    ec2: Ec2, responses: Responses, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> None:
        raise _error("UnauthorizedOperation")

    monkeypatch.setattr(ec2, "authorize_security_group_ingress", denied)

    response = call(responses, "Create", properties())

    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("Operation failed (UnauthorizedOperation): ")
