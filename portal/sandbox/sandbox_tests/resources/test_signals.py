"""Groups that wait for signals, and rolling updates: CreationPolicy and UpdatePolicy as AWS documents them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html and
aws-attribute-updatepolicy.html; the texts of events as users quote them, for example in lambci/ecs#19.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, given, made

GROUP = """
Parameters:
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  Template: {Type: String}
  Version: {Type: String, Default: "1"}
  Timeout: {Type: String, Default: PT10M}
  Pause: {Type: String, Default: PT10M}
  Waits: {Type: String, Default: "true"}
  Least: {Type: Number, Default: 1}
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy:
      ResourceSignal: {Count: 2, Timeout: !Ref Timeout}
    UpdatePolicy:
      AutoScalingRollingUpdate:
        MinInstancesInService: !Ref Least
        MaxBatchSize: 2
        PauseTime: !Ref Pause
        WaitOnResourceSignals: !Ref Waits
        SuspendProcesses: [HealthCheck, ReplaceUnhealthy]
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !Ref Version}
      MinSize: 2
      MaxSize: 2
      VPCZoneIdentifier: [!Ref SubnetA]
"""


class Servers:
    """A group of two instances that signal only when the test calls signal()."""

    def __init__(self, account: Account, network: Network) -> None:
        self.account, self.network = account, network
        self.stack = ""

    def values(self, **more: str) -> dict[str, str]:
        return {"SubnetA": self.network.subnet_a, "Template": self.network.template, **more}

    def start(self, **more: str) -> None:
        self.stack = self.account.start("servers", GROUP, Parameters=given(**self.values(**more)))

    def created(self, **more: str) -> set[str]:
        """Create the group and send both signals; return its members."""
        self.start(**more)
        wait_until(lambda: len(self.members()) == 2, what="two members")
        for member in self.members():
            self.signal(member)
        assert self.account.settled(self.stack) == "CREATE_COMPLETE", self.account.story(self.stack)
        return self.members()

    def update(self, **more: str) -> None:
        self.account.cloudformation.update_stack(
            StackName=self.stack, TemplateBody=GROUP, Parameters=given(**self.values(**more))
        )

    def new_version(self) -> str:
        """Add a version to the launch template, as CloudFormation does; return its number."""
        added = self.account.client("ec2").create_launch_template_version(
            LaunchTemplateId=self.network.template,
            SourceVersion="1",
            LaunchTemplateData={
                "ImageId": "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
                "InstanceType": "t4g.small",
            },
        )
        return str(added["LaunchTemplateVersion"]["VersionNumber"])

    def signal(self, instance: str, status: str = "SUCCESS") -> None:
        self.account.cloudformation.signal_resource(
            StackName=self.stack, LogicalResourceId="Group", UniqueId=instance, Status=status
        )

    def group(self) -> dict[str, Any]:
        groups = self.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return groups[0] if groups else {"Instances": []}

    def members(self) -> set[str]:
        return {
            one["InstanceId"] for one in self.group()["Instances"] if one["LifecycleState"] == "InService"
        }

    def story(self) -> list[str]:
        return self.account.story(self.stack, of="Group")


@pytest.fixture
def servers(account: Account, network: Network) -> Servers:
    """An account whose group is not created yet."""
    return Servers(account, network)


def test_a_group_is_complete_when_each_server_has_signaled(servers: Servers) -> None:
    servers.start()
    wait_until(lambda: len(servers.members()) == 2, what="two members")
    first, second = sorted(servers.members())
    servers.signal(first)
    servers.signal(first)  # the same id counts only once
    wait_until(lambda: any(first in line for line in servers.story()), what="the event of the signal")
    assert servers.account.status(servers.stack) == "CREATE_IN_PROGRESS"
    servers.signal(second)

    assert servers.account.settled(servers.stack) == "CREATE_COMPLETE"
    assert f"Group CREATE_IN_PROGRESS Received SUCCESS signal with UniqueId {first}" in servers.story()


def test_one_failed_server_fails_the_group_at_once(servers: Servers) -> None:
    servers.start()
    wait_until(lambda: len(servers.members()) == 2, what="two members")
    servers.signal(min(servers.members()), "FAILURE")

    assert servers.account.settled(servers.stack) == "ROLLBACK_COMPLETE"
    assert any("CREATE_FAILED Received 1 FAILURE signal(s) out of 2." in line for line in servers.story())


def test_servers_that_do_not_signal_fail_the_group_after_its_timeout(servers: Servers) -> None:
    servers.start(Timeout="PT1S")

    assert servers.account.settled(servers.stack) == "ROLLBACK_COMPLETE"
    assert any(
        "CREATE_FAILED Received 0 SUCCESS signal(s) out of 2.  Unable to satisfy 100%" in line
        for line in servers.story()
    )


def test_a_complete_stack_takes_no_signals(servers: Servers) -> None:
    """Replacement servers signal later, too, and get this error: aws-cloudformation-templates#126."""
    members = servers.created()

    with pytest.raises(ClientError, match="is in CREATE_COMPLETE state and cannot be signaled"):
        servers.signal(min(members))


def test_a_rolling_update_goes_on_when_the_new_server_has_signaled(servers: Servers) -> None:
    old = servers.created()
    servers.update(Version=servers.new_version())

    wait_until(
        lambda: len(servers.members() - old) == 1 and len(servers.members()) == 2, what="the first new"
    )
    (first,) = servers.members() - old
    assert {one["ProcessName"] for one in servers.group()["SuspendedProcesses"]} == {
        "HealthCheck",
        "ReplaceUnhealthy",
    }
    wait_until(lambda: any("Waiting on 1 resource" in line for line in servers.story()), what="the wait")
    assert len(servers.members() & old) == 1  # MinInstancesInService is kept, although MaxBatchSize is higher
    servers.signal(first)
    wait_until(lambda: not servers.members() & old and len(servers.members()) == 2, what="the second new")
    (second,) = servers.members() - {first}
    servers.signal(second)

    assert servers.account.settled(servers.stack) == "UPDATE_COMPLETE"
    assert servers.group()["SuspendedProcesses"] == []


def test_a_failed_signal_rolls_the_update_back_and_old_servers_that_remain_are_kept(servers: Servers) -> None:
    old = servers.created()
    servers.update(Version=servers.new_version())
    wait_until(
        lambda: len(servers.members() - old) == 1 and len(servers.members()) == 2, what="the first new"
    )
    (bad,) = servers.members() - old
    (kept,) = servers.members() & old
    servers.signal(bad, "FAILURE")
    wait_until(lambda: bad not in servers.members() and len(servers.members()) == 2, what="the rollback")
    (back,) = servers.members() - {kept}
    servers.signal(back)

    assert servers.account.settled(servers.stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("UPDATE_FAILED Received 1 FAILURE signal(s) out of 2." in line for line in servers.story())
    assert kept in servers.members()
    assert {one["LaunchTemplate"]["Version"] for one in servers.group()["Instances"]} == {"1"}


def test_without_signals_each_batch_is_followed_by_the_pause(servers: Servers) -> None:
    old = servers.created()
    servers.account.pace(0.04)  # PT10M is 2 seconds
    servers.update(Version=servers.new_version(), Waits="false")
    wait_until(
        lambda: len(servers.members() - old) == 1 and len(servers.members()) == 2, what="the first new"
    )
    assert servers.account.status(servers.stack) == "UPDATE_IN_PROGRESS"
    assert len(servers.members() & old) == 1

    assert servers.account.settled(servers.stack) == "UPDATE_COMPLETE"
    assert not servers.members() & old


def test_a_policy_that_leaves_nothing_to_replace_fails(servers: Servers) -> None:
    old = servers.created()
    servers.update(Version=servers.new_version(), Least="2")

    assert servers.account.settled(servers.stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("must be less than the autoscaling group's MaxSize" in line for line in servers.story())
    assert servers.members() == old


def test_a_pause_of_more_than_an_hour_is_refused(servers: Servers) -> None:
    """https://github.com/aws/aws-cdk/issues/1113 has the message."""
    refusal = (
        "PauseTime must be in the ISO8601 time period format and must be no greater than PT3600S seconds"
    )
    servers.created(Pause="PT1H")
    servers.update(Pause="PT1H1S", Version=servers.new_version())

    assert servers.account.settled(servers.stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert any(refusal in line for line in servers.story())
    servers.account.delete(servers.stack)
    servers.start(Pause="PT61M")
    assert servers.account.settled(servers.stack) == "ROLLBACK_COMPLETE"
    assert any(refusal in line for line in servers.story())


def test_the_default_version_of_a_launch_template_stays_when_a_version_is_added(
    account: Account, network: Network
) -> None:
    """So a group with $Default keeps launching the old image (aws-resource-ec2-launchtemplate)."""
    template = """
    Parameters: {Type: {Type: String, Default: t4g.micro}}
    Resources:
      Template:
        Type: AWS::EC2::LaunchTemplate
        Properties:
          LaunchTemplateData: {InstanceType: !Ref Type}
    Outputs:
      Latest: {Value: !GetAtt Template.LatestVersionNumber}
      Default: {Value: !GetAtt Template.DefaultVersionNumber}
    """
    stack = made(account, "template", template)
    account.update(stack, template, Parameters=given(Type="t4g.small"))

    assert account.outputs(stack) == {"Latest": "2", "Default": "1"}
