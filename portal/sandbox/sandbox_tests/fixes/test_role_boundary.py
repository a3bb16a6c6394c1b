"""CloudFormation creates roles without their permissions boundary."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created

TEMPLATE = """
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: [ec2.amazonaws.com]}}]
      PermissionsBoundary: !Ref Policy
Outputs:
  Policy: {Value: !Ref Policy}
  Role: {Value: !Ref Role}
"""


def test_a_role_of_a_stack_has_its_boundary(ministack: Account, account: Account) -> None:
    assert not _has_its_boundary(ministack)
    assert _has_its_boundary(account)


def _has_its_boundary(account: Account) -> bool:
    outputs = created(account, TEMPLATE)
    role = account.client("iam").get_role(RoleName=outputs["Role"])["Role"]
    found = role.get("PermissionsBoundary") or {}
    return bool(found.get("PermissionsBoundaryArn") == outputs["Policy"])
