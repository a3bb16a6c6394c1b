"""Security groups and their rules."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network, changed, failure, gone, made

RULES = """
Parameters:
  Group: {Type: AWS::EC2::SecurityGroup::Id}
  Vpc: {Type: AWS::EC2::VPC::Id}
  Port: {Type: Number, Default: 9090}
  Said: {Type: String, Default: from the web servers}
Resources:
  Source: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: source, VpcId: !Ref Vpc}}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      GroupId: !Ref Group
      IpProtocol: tcp
      FromPort: !Ref Port
      ToPort: !Ref Port
      SourceSecurityGroupId: !Ref Source
      Description: !Ref Said
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties:
      GroupId: !Ref Source
      IpProtocol: tcp
      FromPort: !Ref Port
      ToPort: !Ref Port
      DestinationSecurityGroupId: !Ref Group
Outputs:
  Source: {Value: !GetAtt Source.GroupId}
  In: {Value: !Ref In}
"""


def rules(account: Account, group: str, *, egress: bool = False) -> list[dict[str, Any]]:
    answer = account.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )
    return [one for one in answer["SecurityGroupRules"] if one["IsEgress"] is egress]


def admit(account: Account, group: str, *addresses: str) -> Any:
    return account.client("ec2").authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 9090,
                "ToPort": 9090,
                "IpRanges": [{"CidrIp": one, "Description": f"load balancer {one}"} for one in addresses],
            }
        ],
    )


def test_standalone_rules_join_their_group_and_leave_it(account: Account, network: Network) -> None:
    stack = made(account, "rules", RULES, Group=network.bare, Vpc=network.vpc)
    outputs = account.outputs(stack)
    (rule,) = rules(account, network.bare)
    assert rule["SecurityGroupRuleId"] == outputs["In"]
    assert rule["ReferencedGroupInfo"]["GroupId"] == outputs["Source"]
    assert (rule["FromPort"], rule["Description"]) == (9090, "from the web servers")
    assert network.bare in [
        one.get("ReferencedGroupInfo", {}).get("GroupId")
        for one in rules(account, outputs["Source"], egress=True)
    ]
    gone(account, stack)
    assert rules(account, network.bare) == []


def test_a_new_description_keeps_a_rule_and_a_new_port_replaces_it(
    account: Account, network: Network
) -> None:
    values = {"Group": network.bare, "Vpc": network.vpc}
    stack = made(account, "rules", RULES, **values)
    before = account.outputs(stack)["In"]
    changed(account, stack, RULES, **values, Said="from the proxies")
    assert [(one["SecurityGroupRuleId"], one["Description"]) for one in rules(account, network.bare)] == [
        (before, "from the proxies")
    ]
    changed(account, stack, RULES, **values, Port="9091")
    assert [one["FromPort"] for one in rules(account, network.bare)] == [9091]
    assert account.outputs(stack)["In"] != before


def test_a_request_with_several_sources_makes_a_rule_for_each(account: Account, network: Network) -> None:
    admitted = admit(account, network.bare, "10.0.1.4/32", "10.0.2.4/32")["SecurityGroupRules"]
    assert [one["CidrIpv4"] for one in admitted] == ["10.0.1.4/32", "10.0.2.4/32"]
    listed = rules(account, network.bare)
    assert [one["Description"] for one in listed] == [
        "load balancer 10.0.1.4/32",
        "load balancer 10.0.2.4/32",
    ]
    assert len({one["SecurityGroupRuleId"] for one in listed}) == 2


def test_a_rule_that_is_there_is_a_duplicate_and_nothing_of_the_request_is_done(
    account: Account, network: Network
) -> None:
    admit(account, network.bare, "10.0.1.4/32")
    with pytest.raises(ClientError, match=r"InvalidPermission\.Duplicate.*peer: 10\.0\.1\.4/32, TCP"):
        admit(account, network.bare, "10.0.2.4/32", "10.0.1.4/32")
    assert [one["CidrIpv4"] for one in rules(account, network.bare)] == ["10.0.1.4/32"]


def test_rules_are_revoked_by_id_or_by_content_and_only_when_they_exist(
    account: Account, network: Network
) -> None:
    ec2 = account.client("ec2")
    admitted = admit(account, network.bare, "10.0.1.4/32", "10.0.2.4/32")["SecurityGroupRules"]
    ec2.revoke_security_group_ingress(
        GroupId=network.bare, SecurityGroupRuleIds=[admitted[0]["SecurityGroupRuleId"]]
    )
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 9090,
        "ToPort": 9090,
        "IpRanges": [{"CidrIp": "10.0.2.4/32"}],
    }
    ec2.revoke_security_group_ingress(GroupId=network.bare, IpPermissions=[permission])
    assert rules(account, network.bare) == []
    with pytest.raises(ClientError, match=r"InvalidPermission\.NotFound"):
        ec2.revoke_security_group_ingress(GroupId=network.bare, IpPermissions=[permission])


def test_the_same_rule_twice_in_a_stack_fails_it(account: Account, network: Network) -> None:
    twice = RULES.replace(
        "Outputs:",
        """  Again:
    Type: AWS::EC2::SecurityGroupIngress
    DependsOn: In
    Properties:
      GroupId: !Ref Group
      IpProtocol: tcp
      FromPort: !Ref Port
      ToPort: !Ref Port
      SourceSecurityGroupId: !Ref Source
Outputs:""",
    )
    reason = failure(account, "rules", twice, "Again", Group=network.bare, Vpc=network.vpc)
    assert "already exists" in reason


def test_a_group_in_use_cannot_be_deleted(account: Account, network: Network) -> None:
    ec2 = account.client("ec2")
    ec2.create_network_interface(SubnetId=network.subnet_a, Groups=[network.bare])
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=network.bare)


def test_groups_are_found_by_id_name_network_and_rule(account: Account, network: Network) -> None:
    admit(account, network.bare, "10.0.1.4/32")
    for name, value in (
        ("group-id", network.bare),
        ("group-name", "network-Bare*"),
        ("description", "has no rules"),
        ("ip-permission.cidr", "10.0.1.4/32"),
        ("ip-permission.to-port", "9090"),
    ):
        answer = account.client("ec2").describe_security_groups(
            Filters=[{"Name": name, "Values": [value]}, {"Name": "vpc-id", "Values": [network.vpc]}]
        )
        assert [one["GroupId"] for one in answer["SecurityGroups"]] == [network.bare], name
