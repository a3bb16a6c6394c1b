"""Servers without a way out of their VPC: their agents are not reached, and their calls get no response."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, given
from sandbox_tests.resources.state_manager import Manager

ANYWHERE = "0.0.0.0/0"
GROUP = """
Parameters:
  Subnet: {Type: AWS::EC2::Subnet::Id}
  Template: {Type: String}
  Version: {Type: String}
Resources:
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT2M}}
    Properties:
      MinSize: "1"
      MaxSize: "1"
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !Ref Version}
"""


@contextmanager
def without_route(account: Account, network: Network) -> Iterator[None]:
    """Delete the default route of the VPC's subnets, as the AWS CLI does; create it again afterwards."""
    ec2 = account.client("ec2")
    filters = [{"Name": "vpc-id", "Values": [network.vpc]}]
    tables = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    table, route = next(
        (one["RouteTableId"], route)
        for one in tables
        for route in one["Routes"]
        if route.get("DestinationCidrBlock") == ANYWHERE
    )
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE)
    try:
        yield
    finally:
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=route["GatewayId"])


def ping(manager: Manager, instance: str) -> str:
    rows = manager.ssm.describe_instance_information()["InstanceInformationList"]
    return "".join(one["PingStatus"] for one in rows if one["InstanceId"] == instance)


def test_a_server_that_loses_its_way_out_loses_its_connection_and_gets_it_back(
    manager: Manager, network: Network
) -> None:
    instance = manager.launch(Server="App")
    wait_until(lambda: ping(manager, instance) == "Online", what="the agent")
    with without_route(manager.account, network):
        wait_until(lambda: ping(manager, instance) == "ConnectionLost", what="a lost connection")
        unreached = manager.launch(Server="App")
        association = manager.ssm.create_association(
            Name="AWS-RunShellScript",
            Targets=[{"Key": "tag:Server", "Values": ["App"]}],
            Parameters={"commands": ["true"]},
        )["AssociationDescription"]["AssociationId"]
        assert manager.status(association) == "Pending"
        assert manager.executions(association) == []
        assert ping(manager, unreached) == ""
    wait_until(lambda: manager.status(association) == "Success", what="runs once there is a route")
    assert {ping(manager, one) for one in (instance, unreached)} == {"Online"}


def test_without_a_route_the_signals_of_a_group_do_not_arrive(account: Account, network: Network) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-creationpolicy.html"""
    values = {"Subnet": network.subnet_a, "Template": network.template, "Version": "1"}
    with without_route(account, network):
        stack = account.create("group", GROUP, Parameters=given(**values))
    assert "Received 0 SUCCESS signal(s) out of 1" in "".join(account.story(stack))


def test_a_call_of_a_server_gets_no_response_until_there_is_a_route(
    manager: Manager, network: Network, account: Account
) -> None:
    instance = manager.launch(Server="App")
    call = _client_of(account, instance)
    assert _responds(call)
    with without_route(account, network):
        wait_until(lambda: not _responds(call), what="a call that gets no response")
    wait_until(lambda: _responds(call), what="a response")


def _responds(call: Any) -> bool:
    try:
        call.get_caller_identity()
    except ReadTimeoutError:
        return False
    return True


def _client_of(account: Account, instance: str) -> Any:
    """Return STS with keys whose session has an instance's id as its name, as those of its profile have."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"},
            }
        ],
    }
    role = account.client("iam").create_role(RoleName="server", AssumeRolePolicyDocument=json.dumps(trust))[
        "Role"
    ]["Arn"]
    keys = account.client("sts").assume_role(RoleArn=role, RoleSessionName=instance)["Credentials"]
    return boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=account.sandbox.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=2),
    )


def test_a_vpc_with_neither_a_gateway_nor_an_endpoint_lets_no_server_out(
    manager: Manager, account: Account
) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html"""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    instance = manager.launch(subnet=subnet, Server="App")
    call = _client_of(account, instance)
    assert not _responds(call)
    assert ping(manager, instance) == ""
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=ANYWHERE, GatewayId=gateway)
    assert not _responds(call)  # it has no public address
