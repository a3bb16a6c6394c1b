"""Load balancers: required zones, and target groups that one load balancer at a time can use."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.strict.reasons import creation_failure, failures, worded

ONE_ZONE = """
Parameters: {Subnet: {Type: String}, Group: {Type: String}}
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Scheme: internal, Subnets: [!Ref Subnet], SecurityGroups: [!Ref Group]}
"""
SMALL = """
Parameters: {Vpc: {Type: String}, Subnet: {Type: String}}
Resources:
  Small:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.9.0/28, AvailabilityZone: !Sub "${AWS::Region}c"}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Scheme: internal, Subnets: [!Ref Subnet, !Ref Small]}
"""
# A change of Scheme replaces the load balancer and its listener: both are created before the old ones go.
REPLACED = """
Parameters: {Vpc: {Type: String}, A: {Type: String}, C: {Type: String}, Scheme: {Type: String}}
Resources:
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {Protocol: TCP, Port: 80, VpcId: !Ref Vpc}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: !Ref Scheme, Subnets: [!Ref A, !Ref C]}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: TCP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
Outputs: {Targets: {Value: !Ref Targets}, Balancer: {Value: !Ref Balancer}}
"""


def test_an_application_load_balancer_needs_two_zones(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    reason = creation_failure(account, ONE_ZONE, "Balancer", Subnet=network.subnet_a, Group=network.group)
    assert reason.text == "At least two subnets in two different Availability Zones must be specified"
    assert (reason.service, reason.status, reason.code) == ("ElasticLoadBalancingV2", 400, "InvalidRequest")


def test_a_load_balancer_has_one_subnet_in_a_zone(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"""
    elbv2, ec2 = account.client("elbv2"), account.client("ec2")
    zone = ec2.describe_subnets(SubnetIds=[network.subnet_a])["Subnets"][0]["AvailabilityZone"]
    same = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.8.0/24", AvailabilityZone=zone)["Subnet"]
    with pytest.raises(ClientError, match="multiple subnets in the same Availability Zone"):
        elbv2.create_load_balancer(Name="same-zone", Subnets=[network.subnet_a, same["SubnetId"]])


def test_a_small_subnet_has_no_room_for_a_load_balancer(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""
    reason = creation_failure(account, SMALL, "Balancer", Vpc=network.vpc, Subnet=network.subnet_a)
    assert "requires at least 8 free IP addresses" in reason.text


def test_a_target_group_belongs_to_one_load_balancer(account: Account, network: Network) -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/22005 (TargetGroupAssociationLimit)"""
    values = {"Vpc": network.vpc, "A": network.subnet_a, "C": network.subnet_c}
    stack = made(account, "balanced", REPLACED, **values, Scheme="internal")
    outputs = account.outputs(stack)
    account.update(
        stack,
        REPLACED,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {**values, "Scheme": "internet-facing"}.items()
        ],
    )
    assert account.status(stack) == "UPDATE_ROLLBACK_COMPLETE", account.story(stack)
    (reason,) = map(worded, failures(account, stack, "Listener", "UPDATE_FAILED"))
    assert reason.text == (
        "The following target groups cannot be associated with more than one load balancer: "
        f"{outputs['Targets']}"
    )
    elbv2 = account.client("elbv2")
    (group,) = elbv2.describe_target_groups(TargetGroupArns=[outputs["Targets"]])["TargetGroups"]
    assert group["LoadBalancerArns"] == [outputs["Balancer"]]
    other = elbv2.create_load_balancer(
        Name="other", Type="network", Subnets=[network.subnet_a, network.subnet_c]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    with pytest.raises(ClientError, match="TargetGroupAssociationLimit"):
        elbv2.create_listener(
            LoadBalancerArn=other,
            Protocol="TCP",
            Port=81,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": outputs["Targets"]}],
        )
