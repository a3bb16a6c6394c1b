"""Auto Scaling groups: instances launched, spread, replaced and terminated, and the health of targets."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import NETWORK, Network, changed, failure, gone, made

FLEET = """
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id}
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  SubnetC: {Type: AWS::EC2::Subnet::Id}
  Template: {Type: String}
  Version: {Type: String, Default: "1"}
  Size: {Type: Number, Default: 2}
  Grace: {Type: Number, Default: 300}
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: internal, Subnets: [!Ref SubnetA, !Ref SubnetC]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref Vpc
      Protocol: TCP
      Port: 9090
      HealthCheckIntervalSeconds: 10
      HealthyThresholdCount: 2
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "60"}]
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: TCP
      Port: 9090
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Fleet:
    Type: AWS::AutoScaling::AutoScalingGroup
    DependsOn: Listener
    CreationPolicy: {AutoScalingCreationPolicy: {MinSuccessfulInstancesPercent: 100}}
    UpdatePolicy: {AutoScalingRollingUpdate: {MaxBatchSize: 1, MinInstancesInService: 1}}
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !Ref Version}
      MinSize: !Ref Size
      MaxSize: 6
      DesiredCapacity: !Ref Size
      HealthCheckType: ELB
      HealthCheckGracePeriod: !Ref Grace
      VPCZoneIdentifier: [!Ref SubnetA, !Ref SubnetC]
      TargetGroupARNs: [!Ref Targets]
      Tags: [{Key: Tier, Value: app, PropagateAtLaunch: true}]
Outputs:
  Fleet: {Value: !Ref Fleet}
  Targets: {Value: !Ref Targets}
"""


def values(network: Network, **more: str) -> dict[str, str]:
    return {
        "Vpc": network.vpc,
        "SubnetA": network.subnet_a,
        "SubnetC": network.subnet_c,
        "Template": network.template,
        **more,
    }


class Fleet:
    """A fleet in an account, with readers of its state."""

    def __init__(self, account: Account, network: Network, **more: str) -> None:
        self.account = account
        self.network = network
        self.stack = made(account, "fleet", FLEET, **values(network, **more))
        outputs = account.outputs(self.stack)
        self.name, self.targets = outputs["Fleet"], outputs["Targets"]

    def group(self) -> dict[str, Any]:
        answer = self.account.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.name]
        )
        found: dict[str, Any] = answer["AutoScalingGroups"][0]
        return found

    def members(self, state: str = "InService") -> set[str]:
        return {one["InstanceId"] for one in self.group()["Instances"] if one["LifecycleState"] == state}

    def health(self) -> dict[str, dict[str, str]]:
        answer = self.account.client("elbv2").describe_target_health(TargetGroupArn=self.targets)
        return {one["Target"]["Id"]: one["TargetHealth"] for one in answer["TargetHealthDescriptions"]}

    def states(self) -> list[str]:
        return sorted(one["State"] for one in self.health().values())

    def activities(self) -> list[dict[str, Any]]:
        answer = self.account.client("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=self.name
        )
        found: list[dict[str, Any]] = answer["Activities"]
        return found


@pytest.fixture
def fleet(account: Account, network: Network) -> Fleet:
    """Two instances behind a network load balancer."""
    return Fleet(account, network)


def test_a_group_launches_instances_as_its_template_says(fleet: Fleet) -> None:
    group = fleet.group()
    assert group["TargetGroupARNs"] == [fleet.targets]
    assert {one["AvailabilityZone"] for one in group["Instances"]} == {"ap-northeast-1a", "ap-northeast-1c"}
    assert {one["LaunchTemplate"]["Version"] for one in group["Instances"]} == {"1"}
    reservations = fleet.account.client("ec2").describe_instances(
        Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": [fleet.name]}]
    )["Reservations"]
    instances = [one["Instances"][0] for one in reservations]
    assert {one["InstanceId"] for one in instances} == fleet.members()
    assert {one["PrivateIpAddress"].rpartition(".")[0] for one in instances} == {"10.0.1", "10.0.2"}
    for instance in instances:
        tags = {one["Key"]: one["Value"] for one in instance["Tags"]}
        assert (tags["Server"], tags["Stage"], tags["Tier"]) == ("App", "test", "app")
        assert instance["InstanceType"] == "t4g.micro"
        assert instance["Architecture"] == "arm64"
        assert instance["IamInstanceProfile"]["Arn"]
        assert instance["SecurityGroups"][0]["GroupId"] == fleet.network.group


def test_its_instances_are_managed_nodes(fleet: Fleet) -> None:
    nodes = fleet.account.client("ssm").describe_instance_information(
        Filters=[{"Key": "tag:Server", "Values": ["App"]}]
    )["InstanceInformationList"]
    assert {one["InstanceId"] for one in nodes} == fleet.members()
    assert {one["PingStatus"] for one in nodes} == {"Online"}
    assert {one["PlatformVersion"] for one in nodes} == {"2023"}


def test_a_new_target_becomes_healthy_and_says_why_it_is_not_yet(fleet: Fleet) -> None:
    fleet.account.pace(0.5)
    before = fleet.members()
    fleet.account.client("autoscaling").set_desired_capacity(
        AutoScalingGroupName=fleet.name, DesiredCapacity=3
    )
    seen: set[str] = set()

    def healthy() -> bool:
        fresh = [one for target, one in fleet.health().items() if target not in before]
        seen.update(one.get("Reason", "") for one in fresh)
        return [one["State"] for one in fresh] == ["healthy"]

    wait_until(healthy, what="a third healthy target")
    assert {"Elb.RegistrationInProgress", "Elb.InitialHealthChecking"} <= seen


def test_capacity_follows_what_is_asked_for(fleet: Fleet) -> None:
    autoscaling = fleet.account.client("autoscaling")
    autoscaling.set_desired_capacity(AutoScalingGroupName=fleet.name, DesiredCapacity=4)
    wait_until(lambda: len(fleet.members()) == 4, what="four instances")
    wait_until(lambda: fleet.states() == ["healthy"] * 4, what="four healthy targets")
    autoscaling.set_desired_capacity(AutoScalingGroupName=fleet.name, DesiredCapacity=2)
    wait_until(lambda: len(fleet.group()["Instances"]) == 2, what="two instances")
    zones = [one["AvailabilityZone"] for one in fleet.group()["Instances"]]
    assert sorted(zones) == ["ap-northeast-1a", "ap-northeast-1c"]
    assert fleet.states() == ["healthy"] * 2
    with pytest.raises(ClientError, match="outside the limits"):
        autoscaling.set_desired_capacity(AutoScalingGroupName=fleet.name, DesiredCapacity=7)


def test_an_update_grows_the_group_and_its_activities_tell_why(fleet: Fleet) -> None:
    before = fleet.members()
    changed(fleet.account, fleet.stack, FLEET, **values(fleet.network, Size="3"))
    assert len(fleet.members()) == 3
    assert before < fleet.members()
    latest = fleet.activities()[0]
    (added,) = fleet.members() - before
    assert latest["Description"] == f"Launching a new EC2 instance: {added}"
    assert latest["StatusCode"] == "Successful"
    assert (
        "difference between desired and actual capacity, increasing the capacity from 2 to 3"
        in (latest["Cause"])
    )


def test_a_terminated_instance_is_replaced(fleet: Fleet) -> None:
    lost = min(fleet.members())
    fleet.account.client("ec2").terminate_instances(InstanceIds=[lost])
    wait_until(lambda: lost not in fleet.members() and len(fleet.members()) == 2, what="a replacement")
    wait_until(lambda: fleet.states() == ["healthy", "healthy"], what="healthy targets")
    reported = " ".join(one["Cause"] for one in fleet.activities())
    assert "EC2 health check indicating it has been terminated or stopped" in reported
    assert "launched in response to an unhealthy instance needing to be replaced" in reported


def test_an_instance_that_leaves_drains_first(fleet: Fleet) -> None:
    wait_until(lambda: fleet.states() == ["healthy", "healthy"], what="healthy targets")
    fleet.account.pace(100)
    leaving = min(fleet.members())
    fleet.account.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=leaving, ShouldDecrementDesiredCapacity=False
    )
    assert fleet.health()[leaving] == {
        "State": "draining",
        "Reason": "Target.DeregistrationInProgress",
        "Description": "Target deregistration is in progress",
    }
    assert leaving in fleet.members("Terminating")
    (activity,) = [
        one for one in fleet.activities() if leaving in one["Description"] and "Term" in one["Description"]
    ]
    assert activity["StatusMessage"] == "Waiting for ELB Connection Draining."
    fleet.account.pace(0.1)
    wait_until(lambda: leaving not in fleet.health(), what="the end of draining")
    wait_until(lambda: len(fleet.members()) == 2, what="a replacement")


def test_a_plain_amazon_linux_answers_once_an_association_has_made_a_server_of_it(
    account: Account, network: Network
) -> None:
    plain = NETWORK.replace('        UserData: {"Fn::Base64": "#!/bin/sh\\nexec my-server"}\n', "")
    assert plain != NETWORK
    changed(account, network.stack, plain)
    account.pace(0.1)
    version = account.outputs(network.stack)["TemplateVersion"]
    fleet = Fleet(account, network, Version=version)
    wait_until(lambda: fleet.states() == ["unhealthy"] * 2, what="unhealthy targets")
    assert {one["Reason"] for one in fleet.health().values()} == {"Target.FailedHealthChecks"}
    account.client("ssm").create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["systemctl start my-server"]},
        Targets=[{"Key": "tag:Server", "Values": ["App"]}],
    )
    wait_until(lambda: fleet.states() == ["healthy"] * 2, what="healthy targets")


def test_a_target_group_without_a_load_balancer_is_not_in_use(fleet: Fleet) -> None:
    elb = fleet.account.client("elbv2")
    listener = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    for one in elb.describe_listeners(LoadBalancerArn=listener)["Listeners"]:
        elb.delete_listener(ListenerArn=one["ListenerArn"])
    assert {one["Reason"] for one in fleet.health().values()} == {"Target.NotInUse"}
    unknown = elb.describe_target_health(
        TargetGroupArn=fleet.targets, Targets=[{"Id": "i-0123456789abcdef0"}]
    )["TargetHealthDescriptions"]
    assert unknown[0]["TargetHealth"]["Reason"] == "Target.NotRegistered"


def test_a_new_template_version_rolls_through_the_group(fleet: Fleet) -> None:
    before = fleet.members()
    fleet.account.client("ec2").create_launch_template_version(
        LaunchTemplateId=fleet.network.template,
        SourceVersion="1",
        LaunchTemplateData={
            "ImageId": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
            "InstanceType": "t4g.small",
        },
    )
    changed(fleet.account, fleet.stack, FLEET, **values(fleet.network, Version="2"))
    assert len(fleet.members()) == 2
    assert not before & fleet.members()
    assert {one["LaunchTemplate"]["Version"] for one in fleet.group()["Instances"]} == {"2"}
    assert any("rolling update" in one["Cause"] for one in fleet.activities())


def test_an_instance_refresh_replaces_every_instance(fleet: Fleet) -> None:
    before = fleet.members()
    autoscaling = fleet.account.client("autoscaling")
    refresh = autoscaling.start_instance_refresh(AutoScalingGroupName=fleet.name)["InstanceRefreshId"]

    def status() -> str:
        found = autoscaling.describe_instance_refreshes(
            AutoScalingGroupName=fleet.name, InstanceRefreshIds=[refresh]
        )
        return str(found["InstanceRefreshes"][0]["Status"])

    wait_until(lambda: status() == "Successful", what="the refresh")
    assert not before & fleet.members()


def test_a_group_that_cannot_launch_does_not_stabilize(account: Account, network: Network) -> None:
    broken = FLEET.replace(
        "VPCZoneIdentifier: [!Ref SubnetA, !Ref SubnetC]", "VPCZoneIdentifier: [subnet-0bad]"
    )
    reason = failure(account, "fleet", broken, "Fleet", **values(network))
    assert "Group did not stabilize. {current/minSize/desired instances=0/2/2}" in reason
    assert "subnet-0bad" in reason


def test_deleting_lets_every_instance_go(fleet: Fleet) -> None:
    gone(fleet.account, fleet.stack)
    states = {
        one["Instances"][0]["State"]["Name"]
        for one in fleet.account.client("ec2").describe_instances()["Reservations"]
    }
    assert states == {"terminated"}
    assert fleet.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
