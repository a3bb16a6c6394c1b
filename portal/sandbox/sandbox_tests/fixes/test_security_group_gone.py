"""CloudFormation updates a security group that was deleted outside of its stack."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account

TEMPLATE = """
Parameters: {Port: {Type: Number, Default: 80}}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: for tests
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 10.0.0.0/8}]
Outputs:
  Group: {Value: !Ref Group}
"""


def test_a_group_that_is_gone_is_not_updated(ministack: Account, account: Account) -> None:
    assert _update_without_group(ministack) == "UPDATE_COMPLETE"
    assert _update_without_group(account).startswith("UPDATE_ROLLBACK_")
    assert "does not exist" in " ".join(account.story("gone"))


def _update_without_group(account: Account) -> str:
    stack = account.create("gone", TEMPLATE)
    account.client("ec2").delete_security_group(GroupId=account.outputs(stack)["Group"])
    return account.update(stack, TEMPLATE, Parameters=[{"ParameterKey": "Port", "ParameterValue": "443"}])
