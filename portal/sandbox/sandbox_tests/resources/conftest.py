"""A separate AWS account for every test, and the network that most tests use."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.state_manager import Manager
from sandbox_tests.sandboxes import Sandbox, start_sandbox

NETWORK = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.0.1.0/24
      AvailabilityZone: !Sub "${AWS::Region}a"
      MapPublicIpOnLaunch: true
  SubnetC:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.0.2.0/24
      AvailabilityZone: !Sub "${AWS::Region}c"
      MapPublicIpOnLaunch: true
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Route:
    Type: AWS::EC2::Route
    DependsOn: Attachment
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  TableOfA:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref Table, SubnetId: !Ref SubnetA}
  TableOfC:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref Table, SubnetId: !Ref SubnetC}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: for tests
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: "-1", CidrIp: 0.0.0.0/0}]
  Bare:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: has no rules, VpcId: !Ref Vpc}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: [ec2.amazonaws.com]}}]
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
      Policies:
        - PolicyName: artifacts
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: ["s3:Get*", "s3:List*", "s3:PutObject*"], Resource: "*"}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64
        InstanceType: t4g.micro
        UserData: {"Fn::Base64": "#!/bin/sh\\nexec my-server"}
        IamInstanceProfile: {Arn: !GetAtt Profile.Arn}
        SecurityGroupIds: [!Ref Group]
        TagSpecifications:
          - {ResourceType: instance, Tags: [{Key: Server, Value: App}, {Key: Stage, Value: test}]}
Outputs:
  Vpc: {Value: !Ref Vpc}
  SubnetA: {Value: !Ref SubnetA}
  SubnetC: {Value: !Ref SubnetC}
  Group: {Value: !Ref Group}
  Bare: {Value: !Ref Bare}
  Template: {Value: !Ref Template}
  TemplateVersion: {Value: !GetAtt Template.LatestVersionNumber}
"""


@dataclass
class Network:
    """The ids of a network that a stack created."""

    stack: str
    vpc: str
    subnet_a: str
    subnet_c: str
    group: str
    template: str
    bare: str  # a security group without rules


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with time scale 0 whose instances are records, even if the host could run machines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSO_SANDBOX_MACHINES", "records")
        server = start_sandbox(tmp_path_factory.mktemp("resources"))
    yield server
    server.stop()


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str) -> Iterator[Account]:
    """An empty account; its faults are removed after the test."""
    account = Account(sandbox, sandbox_account)
    yield account
    account.heal()
    for client in account.clients.values():
        client.close()


@pytest.fixture
def network(account: Account) -> Network:
    """A VPC with two subnets, a security group and a launch template."""
    stack = made(account, "network", NETWORK)
    outputs = account.outputs(stack)
    return Network(
        stack,
        outputs["Vpc"],
        outputs["SubnetA"],
        outputs["SubnetC"],
        outputs["Group"],
        outputs["Template"],
        outputs["Bare"],
    )


def made(account: Account, name: str, template: str, **values: str) -> str:
    """Create a stack, assert that it is complete, and return its StackId."""
    stack = account.create(
        name,
        template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=given(**values),
    )
    assert account.status(stack) == "CREATE_COMPLETE", account.story(stack)
    return stack


def changed(account: Account, stack: str, template: str, **values: str) -> None:
    """Update a stack and assert that the update is complete."""
    status = account.update(
        stack, template, Capabilities=["CAPABILITY_NAMED_IAM"], Parameters=given(**values)
    )
    assert status == "UPDATE_COMPLETE", account.story(stack)


def gone(account: Account, stack: str) -> None:
    """Delete a stack and assert that it is deleted."""
    assert account.delete(stack) == "DELETE_COMPLETE", account.story(stack)


def given(**values: str) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def failure(account: Account, name: str, template: str, logical_id: str, **values: str) -> str:
    """Create a stack that fails; return the reason of a resource's failure."""
    stack = account.create(
        name, textwrap.dedent(template), Capabilities=["CAPABILITY_NAMED_IAM"], Parameters=given(**values)
    )
    reasons = [
        event["ResourceStatusReason"]
        for event in account.events(stack)
        if event["LogicalResourceId"] == logical_id and event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert reasons, account.story(stack)
    return str(reasons[0])


@pytest.fixture
def manager(account: Account, network: Network) -> Manager:
    """State Manager in an account with a network and a bucket for logs."""
    return Manager(account, network)
