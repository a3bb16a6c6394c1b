"""The roles with Scope=strict: what no environment's tag is on, they neither change nor delete nor read."""

from __future__ import annotations

import pytest

from sandbox_tests.engine.conftest import Account
from tests.permissions import granted_actions
from tests.permissions.check_roles import ACCOUNT_TEMPLATE
from tests.sandbox.strict.test_service_role import ROLE, TAGS, arn, first_failure

OPEN = """
Resources:
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: %s, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}
"""
OWN = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: own
      VpcId: !Ref Vpc
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
"""


@pytest.fixture
def prepared(account: Account) -> Account:
    """An account whose roles are strict."""
    account.sandbox.control("POST", "keys", {"name": "portal", "external_id": "e" * 32}, account=account.id)
    granted_actions.put(account.client("iam"), account.id, ACCOUNT_TEMPLATE, Scope="strict")
    return account


def create(account: Account, name: str, template: str) -> str:
    return account.status(account.create(name, template, RoleARN=arn(account, "role", ROLE), Tags=TAGS))


def test_a_stack_does_not_open_a_security_group_of_somebody_else(prepared: Account) -> None:
    ec2 = prepared.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]

    assert create(prepared, "sanso-open", OPEN % group) == "ROLLBACK_COMPLETE"

    _kind, reason = first_failure(prepared)
    assert "is not authorized to perform: ec2:AuthorizeSecurityGroupIngress on resource: " in reason
    assert f":security-group/{group} because no identity-based policy allows" in reason
    granted_actions.put(prepared.client("iam"), prepared.id, ACCOUNT_TEMPLATE, Scope="standard")
    assert create(prepared, "sanso-again", OPEN % group) == "CREATE_COMPLETE"


def test_a_stack_changes_and_deletes_what_it_has_created(prepared: Account) -> None:
    role = arn(prepared, "role", ROLE)
    stack = prepared.create("sanso-own", OWN, RoleARN=role, Tags=TAGS)
    assert prepared.status(stack) == "CREATE_COMPLETE", first_failure(prepared)

    assert prepared.delete(stack, RoleARN=role) == "DELETE_COMPLETE"


def test_a_stack_without_the_tag_of_an_environment_cannot_change_its_own_resources(prepared: Account) -> None:
    prepared.create("sanso-bare", OWN, RoleARN=arn(prepared, "role", ROLE))

    _kind, reason = first_failure(prepared)
    assert "is not authorized to perform: ec2:" in reason
    assert "Modify" in reason or "Revoke" in reason
