"""`kill -9` of the worker before and after every AWS call of a release to two servers, from Apply to the end.

As in `test_kill_change`, each point has its own environment in its own account. Calls that only read are
points in a part of `make test-all` alone.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.cloudformation.release_kind import ReleaseKind
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.releases.models import ReleaseServer, ServerRelease
from tests.builders import allow
from tests.chaos.conftest import (
    LEASE,
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
)
from tests.chaos.test_kill_worker import IS_WHOLE, OCCURRENCES, READS, batches, mark_deleted, sampled
from tests.message_texts import reason
from tests.releases.steps.running import CODE, OTHER, put, write
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Redis, Sandbox, start_sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
Resources:
  Servers:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/servers.yaml
      Parameters: {Bucket: !Ref Bucket, Prefix: !Ref Prefix}
"""
SERVERS = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
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
        IamInstanceProfile: {Arn: !GetAtt Profile.Arn}
        SecurityGroupIds: [!Ref Servers]
  Servers:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: for tests
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 9090, ToPort: 9090, CidrIp: 10.0.0.0/16}]
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: internal, Subnets: [!Ref SubnetA, !Ref SubnetC]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref Vpc, Protocol: TCP, Port: 9090}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: TCP
      Port: 9090
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    DependsOn: [Listener, Route, TableOfA, TableOfC]
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
      MinSize: "2"
      MaxSize: "2"
      HealthCheckType: ELB
      VPCZoneIdentifier: [!Ref SubnetA, !Ref SubnetC]
      TargetGroupARNs: [!Ref Targets]
      Tags:
        - {Key: Server, Value: App, PropagateAtLaunch: true}
        - {Key: EnvironmentStack, Value: !Ref AWS::StackName, PropagateAtLaunch: true}
  Document:
    Type: AWS::SSM::Document
    Properties:
      DocumentType: Command
      DocumentFormat: YAML
      UpdateMethod: NewVersion
      Content:
        schemaVersion: "2.2"
        parameters:
          SourceUrl: {type: String}
        mainSteps:
          - action: aws:downloadContent
            name: fetch
            inputs: {sourceType: S3, sourceInfo: '{"path": "{{ SourceUrl }}"}'}
          - action: aws:runShellScript
            name: configure
            inputs: {runCommand: ["ansible-playbook playbook.yml"]}
  Apply:
    Type: AWS::SSM::Association
    Properties:
      AssociationName: app-servers
      Name: !Ref Document
      Targets: [{Key: "tag:Server", Values: [App]}]
      Parameters:
        SourceUrl: [!Sub "https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/playbook.zip"]
"""
MANIFEST = """
root: root.yaml
bucket_parameter: Bucket
prefix_parameter: Prefix
release: {artifacts: [playbook.zip], servers: Servers, code: ["app/datelog/*"]}
"""
FILES = {
    "root.yaml": ROOT,
    "servers.yaml": SERVERS,
    "template-set.yaml": MANIFEST,
    "playbook/playbook.yml": "[]\n",
    CODE: "one\n",
    OTHER: "[]\n",
}
KINDS = {CODE: ReleaseKind.CODE, OTHER: ReleaseKind.DISRUPTIVE}


@pytest.fixture
def sandbox(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """A sandbox whose servers are records: real ones for each point would keep the machine busy for long."""
    server = start_sandbox(tmp_path / "sandbox", machines="records")
    settings.SANSO_SANDBOX_URL, settings.SANSO_SANDBOX_TOKEN_FILE = server.url, server.token_file
    yield server
    server.stop()


@pytest.fixture
def portal(
    process_environment: dict[str, str],
    sandbox: Sandbox,
    redis_server: Redis,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Portal]:
    """A running portal with a template set of two servers, which declares releases."""
    folder = tmp_path / "set"
    settings.SANSO_TEMPLATE_SET = folder
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        put(folder / name, text)
    environment = process_environment | {
        "SANSO_TEMPLATE_SET": str(folder),
        "SANSO_TICK_LEASE": str(LEASE),
        "SANSO_DISPATCH_INTERVAL": "0.3",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
        "SANSO_SANDBOX_URL": sandbox.url,
        "SANSO_SANDBOX_TOKEN_FILE": str(sandbox.token_file),
    }
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()
    running.release_held_calls()


def created(portal: Portal, settings: Settings, accounts: list[Account], name: str) -> list[Deployment]:
    """Create an environment with two servers in each account."""
    write(settings, name, FILES[name])
    rows = portal.wait_for_end(*[portal.deploy(account=one) for one in accounts], seconds=2 * LIMIT)
    for row in rows:
        assert row.state == State.SUCCEEDED, reason(row)
    return rows


def previewed(settings: Settings, made: list[Deployment], name: str) -> list[Deployment]:
    """Request a change of each environment to another version of a file, and wait for the previews."""
    write(settings, name, "another version\n")
    keys = []
    for one in made:
        change = request_change(
            user=allow(one.requested_by),
            environment=Environment.objects.for_page().get(pk=one.environment_id),
            parameters=one.parameters,
            reason="",
            request_key=uuid.uuid4(),
        )
        keys.append(change.pk)
    rows = Deployment.objects.for_page().filter(pk__in=keys).order_by("pk")
    wait_until(
        lambda: not rows.filter(state__in=["preflight", "artifacts", "change_set"]).exists(),
        seconds=2 * LIMIT,
        what="the previews",
    )
    shown = list(rows.all())
    for row in shown:
        assert row.state == State.PREVIEW, reason(row)
        assert row.release is not None
        assert row.release.kind is KINDS[name]
    return shown


def apply(shown: list[Deployment]) -> None:
    for row in shown:
        apply_change(user=allow(row.requested_by), deployment=row, digest=row.preview_digest)


def points_of(calls: list[dict[str, Any]]) -> list[Point]:
    """Return two points (before, after) for each of an action's first calls that change something.

    The second such call, which is that of the second server, is one point, alternately before and after.
    """
    passed: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    for call in calls:
        name = call["service"], call["action"]
        if passed[name] < OCCURRENCES and (IS_WHOLE or not call["action"].startswith(READS)):
            when = ["hold_before", "hold_after"]
            if passed[name] and not IS_WHOLE:
                when = [when[len(points) % 2]]
            points += [(*name, passed[name], one) for one in when]
        passed[name] += 1
    return points


def group_of(ended: Deployment, sandbox: Sandbox) -> dict[str, Any]:
    """Return the group of the servers in AWS."""
    scaling = client(ended.environment.account, "autoscaling", sandbox)
    found: dict[str, Any] = scaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    return found


def assert_released_once(ended: Deployment, sandbox: Sandbox, stages: list[str], point: object) -> None:
    """Assert that each server got one command, one after the other, and that all of them serve."""
    account = ended.environment.account
    rows = list(ReleaseServer.objects.filter(release__deployment=ended).order_by("position"))
    assert [one.stage for one in rows] == stages, point
    commands = client(account, "ssm", sandbox).list_commands()["Commands"]
    mine = [one for one in commands if str(ended.token) in one.get("Comment", "")]
    mine.sort(key=lambda one: one["RequestedDateTime"])
    assert [one["InstanceIds"] for one in mine] == [[one.instance_id] for one in rows], point
    group = group_of(ended, sandbox)
    assert {one["InstanceId"] for one in group["Instances"]} == {one.instance_id for one in rows}, point
    assert {one["LifecycleState"] for one in group["Instances"]} == {"InService"}, point
    assert group["SuspendedProcesses"] == [], point
    assert not ServerRelease.objects.to_resume(ended.environment).exists(), point
    health = client(account, "elbv2", sandbox).describe_target_health(
        TargetGroupArn=group["TargetGroupARNs"][0]
    )["TargetHealthDescriptions"]
    assert {one["Target"]["Id"] for one in health} == {one.instance_id for one in rows}, point
    assert {one["TargetHealth"]["State"] for one in health} == {"healthy"}, point


@pytest.mark.parametrize("name", [CODE, OTHER], ids=["code", "disruptive"])
def test_a_release_survives_the_death_of_its_worker_at_every_call(
    portal: Portal, sandbox: Sandbox, settings: Settings, name: str
) -> None:
    (control,) = created(portal, settings, [new_account()], name)
    shown = previewed(settings, [control], name)
    before = len(calls_of(sandbox, control.environment.account))
    apply(shown)
    (ended,) = portal.wait_for_end(*shown, seconds=2 * LIMIT)
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert_released_once(ended, sandbox, ["done", "done"], "without a kill")
    points = points_of(calls_of(sandbox, control.environment.account, since=before))
    assert len(points) >= (3 if name == CODE else 12), points
    mark_deleted(control)

    for batch in batches(sampled(points)):
        accounts: list[Account] = [new_account() for _ in batch]
        changes = previewed(settings, created(portal, settings, accounts, name), name)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        apply(changes)
        kill_worker_when_all_calls_are_held(portal, accounts)

        ends = portal.wait_for_end(*changes, seconds=2 * LIMIT)
        for point, one in zip(batch, ends, strict=True):
            assert one.state == State.SUCCEEDED, (point, reason(one))
            assert one.revision == 0, point
            assert_released_once(one, sandbox, ["done", "done"], point)
            assert_complete_log(one, sandbox)
        mark_deleted(*ends)
