"""Images, launch templates and instances."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import NETWORK, Network, changed, gone

PREFIX = "/aws/service/ami-amazon-linux-latest/"
BY_PARAMETER = """
Parameters:
  Image:
    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>
    Default: /aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2
Resources:
  Note:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Sub
        - "${Image} ${Resolved}"
        - Resolved: "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2}}"
Outputs:
  Image: {Value: !Ref Image}
  Note: {Value: !GetAtt Note.Value}
"""


def run(account: Account, network: Network, **options: Any) -> dict[str, Any]:
    answer = account.client("ec2").run_instances(
        ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=network.subnet_c, **options
    )
    found: dict[str, Any] = answer["Instances"][0]
    return found


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("amzn2-ami-hvm-arm64-gp2", "arm64"),
        ("amzn2-ami-hvm-x86_64-gp2", "x86_64"),
        ("al2023-ami-kernel-default-arm64", "arm64"),
        ("al2023-ami-kernel-default-x86_64", "x86_64"),
    ],
)
def test_the_public_parameters_name_images_of_their_architecture(
    account: Account, name: str, architecture: str
) -> None:
    value = account.parameter(PREFIX + name)
    assert value is not None
    (image,) = account.client("ec2").describe_images(ImageIds=[value])["Images"]
    assert image["Architecture"] == architecture
    assert image["OwnerId"] == "137112412989"
    assert ("amzn2" in image["Name"]) is name.startswith("amzn2")


def test_stack_parameters_and_dynamic_references_resolve_to_the_same_image(account: Account) -> None:
    outputs = account.outputs(account.create("images", BY_PARAMETER))
    expected = account.parameter(f"{PREFIX}amzn2-ami-hvm-arm64-gp2")
    assert outputs["Image"] == expected
    assert outputs["Note"] == f"{expected} {expected}"


def test_an_instance_has_the_address_and_zone_of_its_subnet(account: Account, network: Network) -> None:
    account.client("ec2").modify_subnet_attribute(
        SubnetId=network.subnet_c, MapPublicIpOnLaunch={"Value": False}
    )
    instance = run(account, network)
    assert instance["PrivateIpAddress"] == "10.0.2.4"
    assert instance["Placement"]["AvailabilityZone"] == "ap-northeast-1c"
    assert instance["PrivateDnsName"] == "ip-10-0-2-4.ap-northeast-1.compute.internal"
    assert not instance.get("PublicIpAddress")


def test_instances_are_found_by_what_they_are_and_where(account: Account, network: Network) -> None:
    instance = run(account, network)
    ec2 = account.client("ec2")
    for name, value in (
        ("subnet-id", network.subnet_c),
        ("vpc-id", network.vpc),
        ("private-ip-address", "10.0.2.4"),
        ("availability-zone", "ap-northeast-1c"),
        ("instance-state-name", "running"),
    ):
        answer = ec2.describe_instances(Filters=[{"Name": name, "Values": [value]}])
        assert [one["Instances"][0]["InstanceId"] for one in answer["Reservations"]] == [
            instance["InstanceId"]
        ], name
    assert (
        ec2.describe_instances(Filters=[{"Name": "subnet-id", "Values": [network.subnet_a]}])["Reservations"]
        == []
    )


def test_a_terminated_instance_leaves_its_address_volume_and_interface(
    account: Account, network: Network
) -> None:
    instance = run(account, network)
    ec2 = account.client("ec2")
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert ec2.describe_volumes()["Volumes"] == []
    assert run(account, network)["PrivateIpAddress"] == "10.0.2.4"


def test_a_changed_launch_template_is_a_new_version_of_the_same(account: Account, network: Network) -> None:
    before = account.outputs(network.stack)
    changed(account, network.stack, NETWORK.replace("t4g.micro", "t4g.small"))
    after = account.outputs(network.stack)
    assert after["Template"] == before["Template"]
    assert (before["TemplateVersion"], after["TemplateVersion"]) == ("1", "2")
    versions = account.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=network.template, Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    assert [one["LaunchTemplateData"]["InstanceType"] for one in versions] == ["t4g.small"]


def test_a_network_with_somebody_in_it_cannot_be_deleted(account: Account, network: Network) -> None:
    run(account, network)
    ec2 = account.client("ec2")
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=network.subnet_c)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=network.vpc)


def test_an_empty_network_goes_without_a_trace(account: Account, network: Network) -> None:
    gone(account, network.stack)
    ec2 = account.client("ec2")
    assert network.vpc not in [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert account.client("iam").list_instance_profiles()["InstanceProfiles"] == []


def test_an_instance_without_groups_gets_the_default_group_of_its_own_vpc(
    account: Account, network: Network
) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html"""
    ec2 = account.client("ec2")
    filters = [{"Name": "vpc-id", "Values": [network.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (default,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert [group["GroupId"] for group in run(account, network)["SecurityGroups"]] == [default["GroupId"]]
    interface = ec2.create_network_interface(SubnetId=network.subnet_c)["NetworkInterface"]
    assert [group["GroupId"] for group in interface["Groups"]] == [default["GroupId"]]


def test_an_instance_does_not_get_the_group_of_another_vpc(account: Account, network: Network) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_security_group(GroupName="other", Description="other", VpcId=vpc)["GroupId"]
    with pytest.raises(ClientError, match="belong to different networks"):
        run(account, network, SecurityGroupIds=[other])
