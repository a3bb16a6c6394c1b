"""Launches of instances: types available in the zone, capacity, architecture, vCPU quota."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.strict.reasons import creation_failure

GROUP = """
Parameters:
  Subnet: {Type: String}
  Size: {Type: Number, Default: 1}
  Kind: {Type: String, Default: t4g.micro}
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64
        InstanceType: !Ref Kind
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: !Ref Size
      MaxSize: !Ref Size
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
"""


def _shortage(account: Account, **kinds: dict[str, list[str]]) -> None:
    account.sandbox.control("POST", "shortages", kinds, account=account.id)


def test_a_type_that_its_zone_does_not_offer_is_not_launched(account: Account, network: Network) -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/26377"""
    _shortage(account, not_offered={"t4g.micro": [f"{REGION}a"]})
    reason = creation_failure(account, GROUP, "Group", Subnet=network.subnet_a)
    assert "Group did not stabilize." in reason.text
    assert (
        f"Your requested instance type (t4g.micro) is not supported in your requested Availability Zone "
        f"({REGION}a)" in reason.text
    )
    made(account, "elsewhere", GROUP, Subnet=network.subnet_c)


def test_a_zone_without_capacity_fails_the_group(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html

    InsufficientInstanceCapacity.
    """
    _shortage(account, no_capacity={"t4g.micro": [f"{REGION}a"]})
    reason = creation_failure(account, GROUP, "Group", Subnet=network.subnet_a)
    assert "We currently do not have sufficient t4g.micro capacity" in reason.text
    assert reason.code == "NotStabilized"


def test_an_unknown_instance_type_is_not_launched(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html"""
    reason = creation_failure(account, GROUP, "Group", Subnet=network.subnet_a, Kind="t9.gigantic")
    assert reason.text.startswith("You must use a valid fully-formed launch template.")
    assert "Invalid value 't9.gigantic' for InstanceType." in reason.text


def test_the_architectures_of_image_and_type_must_match(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html"""
    reason = creation_failure(account, GROUP, "Group", Subnet=network.subnet_a, Kind="t3.micro")
    assert (
        "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64' "
        "of the specified AMI." in reason.text
    )
    image = account.client("ssm").get_parameter(
        Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    )["Parameter"]["Value"]
    with pytest.raises(ClientError, match="does not match the architecture"):
        account.client("ec2").run_instances(
            ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=network.subnet_a
        )


def test_the_vcpu_quota_limits_the_instances(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html (VcpuLimitExceeded)"""
    account.sandbox.control("POST", "quotas", {"vcpus": 3}, account=account.id)
    reason = creation_failure(account, GROUP, "Group", Subnet=network.subnet_a, Size="2")
    assert "more vCPU capacity than your current vCPU limit of 3 allows" in reason.text
