"""Load balancers, listeners and target groups."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, changed, failure, given, gone, made

BALANCERS = """
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id}
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  SubnetC: {Type: AWS::EC2::Subnet::Id}
  Group: {Type: AWS::EC2::SecurityGroup::Id}
  Idle: {Type: String, Default: "60"}
  Path: {Type: String, Default: /healthz}
Resources:
  Inner:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Type: network
      Scheme: internal
      Subnets: [!Ref SubnetA, !Ref SubnetC]
      SecurityGroups: [!Ref Group]
  Outer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Scheme: internet-facing
      Subnets: [!Ref SubnetA, !Ref SubnetC]
      SecurityGroups: [!Ref Group]
      LoadBalancerAttributes: [{Key: idle_timeout.timeout_seconds, Value: !Ref Idle}]
  AVeryLongLogicalIdForATargetGroupThatServes:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref Vpc, Protocol: TCP, Port: 9090}
  Web:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref Vpc
      Protocol: HTTP
      Port: 80
      HealthCheckPath: !Ref Path
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "30"}]
  InnerListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Inner
      Protocol: TCP
      Port: 9090
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref AVeryLongLogicalIdForATargetGroupThatServes}]
  OuterListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Outer
      Protocol: HTTP
      Port: 80
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Web}]
Outputs:
  Inner: {Value: !Ref Inner}
  InnerDns: {Value: !GetAtt Inner.DNSName}
  InnerName: {Value: !GetAtt Inner.LoadBalancerName}
  InnerFull: {Value: !GetAtt Inner.LoadBalancerFullName}
  Outer: {Value: !Ref Outer}
  OuterDns: {Value: !GetAtt Outer.DNSName}
  OuterFull: {Value: !GetAtt Outer.LoadBalancerFullName}
  App: {Value: !Ref AVeryLongLogicalIdForATargetGroupThatServes}
  Web: {Value: !Ref Web}
  WebFull: {Value: !GetAtt Web.TargetGroupFullName}
  InnerListener: {Value: !Ref InnerListener}
"""


def values(network: Network) -> dict[str, str]:
    return {
        "Vpc": network.vpc,
        "SubnetA": network.subnet_a,
        "SubnetC": network.subnet_c,
        "Group": network.group,
    }


def attributes(account: Account, kind: str, arn: str) -> dict[str, str]:
    answer: Any = getattr(account.client("elbv2"), f"describe_{kind}_attributes")
    key = "LoadBalancerArn" if kind == "load_balancer" else "TargetGroupArn"
    return {one["Key"]: one["Value"] for one in answer(**{key: arn})["Attributes"]}


@pytest.fixture
def balancers(account: Account, network: Network) -> dict[str, str]:
    """The outputs of a stack with both kinds of load balancer."""
    return account.outputs(made(account, "balancers", BALANCERS, **values(network)))


def test_names_and_arns_have_awss_form(balancers: dict[str, str]) -> None:
    arn = r"arn:aws:elasticloadbalancing:ap-northeast-1:\d{12}"
    name = r"balancers-[\w-]{1,22}"
    assert re.fullmatch(rf"{arn}:loadbalancer/net/{name}/\w{{16}}", balancers["Inner"])
    assert re.fullmatch(rf"{arn}:loadbalancer/app/{name}/\w{{16}}", balancers["Outer"])
    assert re.fullmatch(rf"{arn}:listener/net/{name}/\w{{16}}/\w{{16}}", balancers["InnerListener"])
    assert balancers["Inner"].endswith(balancers["InnerFull"])
    assert balancers["Web"].endswith(balancers["WebFull"])
    assert re.fullmatch(rf"{name}-\w{{16}}\.elb\.ap-northeast-1\.amazonaws\.com", balancers["InnerDns"])
    assert re.fullmatch(rf"{name}-\d+\.ap-northeast-1\.elb\.amazonaws\.com", balancers["OuterDns"])
    for generated in (balancers["InnerName"], balancers["App"].split("/")[1]):
        assert len(generated) <= 32


def test_each_subnet_has_an_interface_of_the_load_balancer(
    account: Account, network: Network, balancers: dict[str, str]
) -> None:
    for full, kind in (("InnerFull", "network_load_balancer"), ("OuterFull", "interface")):
        found = account.client("ec2").describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"ELB {balancers[full]}"]}]
        )["NetworkInterfaces"]
        assert {one["SubnetId"] for one in found} == {network.subnet_a, network.subnet_c}
        assert {one["InterfaceType"] for one in found} == {kind}
        assert {one["RequesterId"] for one in found} == {"amazon-elb"}
        assert {one["Groups"][0]["GroupId"] for one in found} == {network.group}
        assert all(one["PrivateIpAddress"].startswith("10.0.") for one in found)


def test_a_load_balancer_tells_its_zones_and_groups(
    account: Account, network: Network, balancers: dict[str, str]
) -> None:
    (inner,) = account.client("elbv2").describe_load_balancers(LoadBalancerArns=[balancers["Inner"]])[
        "LoadBalancers"
    ]
    assert (inner["Type"], inner["Scheme"], inner["State"]["Code"]) == ("network", "internal", "active")
    assert {one["ZoneName"]: one["SubnetId"] for one in inner["AvailabilityZones"]} == {
        "ap-northeast-1a": network.subnet_a,
        "ap-northeast-1c": network.subnet_c,
    }
    assert inner["SecurityGroups"] == [network.group]
    assert inner["VpcId"] == network.vpc


def test_a_load_balancer_is_provisioned_for_a_while(account: Account, network: Network) -> None:
    account.pace(0.1)
    stack = account.start("balancers", BALANCERS, Parameters=given(**values(network)))
    elb = account.client("elbv2")

    def states() -> set[str]:
        return {one["State"]["Code"] for one in elb.describe_load_balancers()["LoadBalancers"]}

    wait_until(lambda: states() == {"provisioning"}, what="load balancers being provisioned")
    account.reaches(stack, "CREATE_COMPLETE")
    assert states() == {"active"}


def test_attributes_have_defaults_of_their_kind_and_what_was_set(
    account: Account, balancers: dict[str, str]
) -> None:
    outer = attributes(account, "load_balancer", balancers["Outer"])
    assert outer["idle_timeout.timeout_seconds"] == "60"
    assert outer["routing.http2.enabled"] == "true"
    inner = attributes(account, "load_balancer", balancers["Inner"])
    assert inner["load_balancing.cross_zone.enabled"] == "false"
    assert "idle_timeout.timeout_seconds" not in inner
    app = attributes(account, "target_group", balancers["App"])
    assert app["preserve_client_ip.enabled"] == "true"
    web = attributes(account, "target_group", balancers["Web"])
    assert web["deregistration_delay.timeout_seconds"] == "30"
    assert web["stickiness.type"] == "lb_cookie"


def test_target_groups_check_health_as_their_protocol_does(
    account: Account, balancers: dict[str, str]
) -> None:
    groups = account.client("elbv2").describe_target_groups()["TargetGroups"]
    by_arn = {one["TargetGroupArn"]: one for one in groups}
    app, web = by_arn[balancers["App"]], by_arn[balancers["Web"]]
    assert (app["HealthCheckProtocol"], app.get("Matcher"), app.get("HealthCheckPath")) == ("TCP", None, None)
    assert app["HealthCheckTimeoutSeconds"] == 10
    assert (web["HealthCheckProtocol"], web["HealthCheckPath"]) == ("HTTP", "/healthz")
    assert web["Matcher"] == {"HttpCode": "200"}
    assert app["LoadBalancerArns"] == [balancers["Inner"]]
    of_outer = account.client("elbv2").describe_target_groups(LoadBalancerArn=balancers["Outer"])
    assert [one["TargetGroupArn"] for one in of_outer["TargetGroups"]] == [balancers["Web"]]


def test_attributes_and_checks_change_in_place(account: Account, network: Network) -> None:
    stack = made(account, "balancers", BALANCERS, **values(network))
    before = account.outputs(stack)
    changed(account, stack, BALANCERS, **values(network), Idle="120", Path="/alive")
    assert account.outputs(stack) == before
    assert attributes(account, "load_balancer", before["Outer"])["idle_timeout.timeout_seconds"] == "120"
    (web,) = account.client("elbv2").describe_target_groups(TargetGroupArns=[before["Web"]])["TargetGroups"]
    assert web["HealthCheckPath"] == "/alive"


def test_a_network_load_balancer_that_gains_groups_is_another_one_which_its_target_group_refuses(
    account: Account, network: Network
) -> None:
    without = BALANCERS.replace(
        "      Subnets: [!Ref SubnetA, !Ref SubnetC]\n      SecurityGroups: [!Ref Group]\n  Outer",
        "      Subnets: [!Ref SubnetA, !Ref SubnetC]\n  Outer",
    )
    assert without != BALANCERS
    stack = made(account, "balancers", without, **values(network))
    before = account.outputs(stack)["Inner"]
    elb = account.client("elbv2")
    with pytest.raises(ClientError, match="InvalidConfigurationRequest"):
        elb.set_security_groups(LoadBalancerArn=before, SecurityGroups=[network.group])
    account.update(stack, BALANCERS, Parameters=given(**values(network)))
    assert account.status(stack) == "UPDATE_ROLLBACK_COMPLETE", account.story(stack)
    assert "cannot be associated with more than one load balancer" in "".join(account.story(stack))
    arns = [one["LoadBalancerArn"] for one in elb.describe_load_balancers()["LoadBalancers"]]
    assert before in arns
    assert account.outputs(stack)["Inner"] == before


def test_a_protected_load_balancer_and_a_used_target_group_cannot_be_deleted(
    account: Account, balancers: dict[str, str]
) -> None:
    elb = account.client("elbv2")
    with pytest.raises(ClientError, match="ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=balancers["Web"])
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancers["Outer"],
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}],
    )
    with pytest.raises(ClientError, match="deletion protection is enabled"):
        elb.delete_load_balancer(LoadBalancerArn=balancers["Outer"])


def test_a_taken_name_fails_the_stack(account: Account, network: Network) -> None:
    template = """
    Parameters:
      Subnets: {Type: List<AWS::EC2::Subnet::Id>}
    Resources:
      One: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Name: site, Subnets: !Ref Subnets}}
    """
    both = f"{network.subnet_a},{network.subnet_c}"
    made(account, "first", template, Subnets=both)
    assert "same name" in failure(account, "second", template, "One", Subnets=both)


def test_deleting_leaves_no_interface_listener_or_group(account: Account, network: Network) -> None:
    gone(account, made(account, "balancers", BALANCERS, **values(network)))
    elb = account.client("elbv2")
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert account.client("ec2").describe_network_interfaces()["NetworkInterfaces"] == []
