"""A NoEcho value that programs print in every form appears in no row, file, page or log."""

from __future__ import annotations

import base64
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from html import unescape
from io import StringIO
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, quote_plus
from urllib.request import Request, urlopen

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client

from deployments.call_logs.shared import keep
from deployments.common.rules.encodings import encodings_of
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence
from deployments.health.commands.operate import request_association_run
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from tests.builders import make_user
from tests.chaos.conftest import hold_call, kill_worker_when_all_calls_are_held
from tests.flows.web import Web, start_web
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
SECRETS = {
    "Password": "Hunter/22+\"é&<x'y",
    "Pin": "q7x9z",
    "Certificate": "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n",
}
SHOWN = re.compile(r"/(?:environments|deployments|admin/deployments)/(?!recordings|\d+/stream)")
NAMED = re.compile(r'(?:href|hx-get|data-[a-z]+)="(/[^"?#]*)')
"""URLs in a page, without their query strings."""


def careless_output(given: dict[str, str]) -> Iterator[str]:
    """Yield the output of careless programs. The sandbox's Lambda function runs this same code."""
    password = given["Password"]
    yield from ("the pin is " + given["Pin"], "the password is " + password, repr(given))
    yield from (json.dumps(given), json.dumps(json.dumps(given)), quote(password, safe=""))
    yield "https://db.example/?user=me&password=" + quote_plus(password)
    for before in ("", "x", "xy"):
        text = (before + password + " rest").encode()
        yield base64.b64encode(text).decode()
        yield base64.urlsafe_b64encode(text).decode().rstrip("=")
    yield from given["Certificate"].splitlines()


FUNCTION = f"""\
import base64, json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus
import cfnresponse

{inspect.getsource(careless_output)}

def handler(event, context):
    given = event["ResourceProperties"]
    for text in careless_output(given):
        print("see", text)
    status = "SUCCESS" if event["RequestType"] == "Delete" else given["Answer"]
    name = "table-of-" + given["Password"]
    cfnresponse.send(event, context, status, {{}}, name, reason="; ".join(careless_output(given)))
"""
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Answer: {Type: String, Default: SUCCESS}
  Password: {Type: String, NoEcho: true}
  Pin: {Type: String, NoEcho: true}
  Certificate: {Type: String, NoEcho: true}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters:
        Bucket: !Ref Bucket
        Answer: !Ref Answer
        Password: !Ref Password
        Pin: !Ref Pin
        Certificate: !Ref Certificate
Outputs:
  Link: {Value: !Sub "https://shop.example/?token=${Password}"}
"""
GIVEN = """\
      ServiceToken: !GetAtt Function.Arn
      Password: !Ref Password
      Pin: !Ref Pin
      Certificate: !Ref Certificate
"""
INNER = f"""
Parameters:
  Bucket: {{Type: String}}
  Answer: {{Type: String}}
  Password: {{Type: String}}
  Pin: {{Type: String}}
  Certificate: {{Type: String}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {{Service: [ec2.amazonaws.com, lambda.amazonaws.com]}}
            Action: sts:AssumeRole
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
      Policies:
        - PolicyName: output
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{{Effect: Allow, Action: ["s3:PutObject", "s3:PutObjectAcl"], Resource: "*"}}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      Timeout: 30
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
{textwrap.indent(FUNCTION, " " * 10)}
  Users:
    Type: Custom::Users
    Properties:
      Answer: SUCCESS
{GIVEN}
  Table:
    Type: Custom::Table
    DependsOn: [Users, Configure]
    Properties:
      Answer: !Ref Answer
{GIVEN}
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.9.0.0/16}}}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.9.0.0/24, MapPublicIpOnLaunch: true}}
  Gateway: {{Type: AWS::EC2::InternetGateway}}
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {{VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
  Routes: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  Route:
    Type: AWS::EC2::Route
    DependsOn: Attachment
    Properties: {{RouteTableId: !Ref Routes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
  TableOfSubnet:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {{RouteTableId: !Ref Routes, SubnetId: !Ref Subnet}}
  Profile: {{Type: AWS::IAM::InstanceProfile, Properties: {{Roles: [!Ref Role]}}}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: "{{{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64}}}}"
        InstanceType: t4g.micro
        IamInstanceProfile: {{Arn: !GetAtt Profile.Arn}}
  AppServers:
    Type: AWS::AutoScaling::AutoScalingGroup
    DependsOn: [Route, TableOfSubnet]
    Properties:
      MinSize: "1"
      MaxSize: "1"
      VPCZoneIdentifier: [!Ref Subnet]
      LaunchTemplate: {{LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}}
      Tags: [{{Key: Server, Value: App, PropagateAtLaunch: true}}]
  Configure:
    Type: AWS::SSM::Association
    DependsOn: AppServers
    Properties:
      Name: AWS-RunShellScript
      AssociationName: configure
      Parameters: {{commands: ["true"]}}
      Targets: [{{Key: "tag:Server", Values: [App]}}]
      OutputLocation: {{S3Location: {{OutputS3BucketName: !Ref Bucket, OutputS3KeyPrefix: logs}}}}
"""


@pytest.fixture
def web(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Web]:
    """A web process beside the worker."""
    server = start_web(tmp_path / "web", process_environment)
    yield server
    server.stop()


@pytest.fixture
def templates() -> dict[str, str]:
    """A server, and functions that print everything they receive."""
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def secrets_in(text: str) -> list[str]:
    """Return every spelling of a secret that occurs in a text."""
    text = f"{text}\n{unescape(text)}"
    return [
        spelling
        for value in SECRETS.values()
        for spelling, shape in encodings_of(value).items()
        if (re.search(rf"\b{re.escape(spelling)}\b", text) if shape.is_word else spelling in text)
    ]


def rows_of(model: type[Model]) -> str:
    """Return the values of all rows of a table, with texts unchanged."""
    rows = model._default_manager.values_list()
    return "\n".join(str(value) for row in rows for value in row) + json.dumps(
        list(rows), default=str, ensure_ascii=False
    )


def assert_not_stored(portal: Portal) -> None:
    """Assert that no secret is in any table or log."""
    for model in apps.get_models():
        assert secrets_in(rows_of(model)) == [], model
    for deployment in Deployment.objects.for_page():
        assert secrets_in("\n".join(keep.lines_of(deployment))) == [], deployment
    for service in portal.services:
        assert secrets_in(service.log.read_text(errors="replace")) == [], service.log


def assert_nowhere(portal: Portal, web: Web, *deployments: Deployment) -> None:
    """Assert that no secret is in any table, log, page or file."""
    assert_not_stored(portal)
    seen = visit_all_pages(web)
    for deployment in deployments:
        assert {f"/deployments/{deployment.pk}/events.{kind}" for kind in ("csv", "json")} <= set(seen)
        assert deployment.get_absolute_url() in seen
        recording = StringIO()
        call_command("export_deployment", str(deployment.pk), stdout=recording)
        assert "****" in recording.getvalue()
        assert secrets_in(recording.getvalue()) == []
    for address, text in seen.items():
        assert secrets_in(text) == [], address
    assert secrets_in(web.log.read_text(errors="replace")) == []


def visit_all_pages(web: Web) -> dict[str, str]:
    """Return the pages that a superuser reaches through links, starting at the lists and the admin."""
    client = Client()
    root = User.objects.filter(username="root").first()
    client.force_login(root or make_user("root", is_staff=True, is_superuser=True))
    cookies = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}
    left = ["/environments/", "/deployments/", "/admin/deployments/"]
    left += [
        f"/deployments/{row.stack.deployment_id}/rows/{quote(row.path)}"
        for row in Resource.objects.select_related("stack")
    ]
    seen: dict[str, str] = {}
    while left:
        address = left.pop()
        if address in seen or not SHOWN.match(address):
            continue
        try:
            with urlopen(Request(web.url + address, headers=cookies), timeout=60) as answer:
                seen[address] = answer.read().decode()
        except HTTPError as answer:  # a page that exists only in other states
            seen[address] = answer.read().decode()
        left += [unescape(found) for found in NAMED.findall(seen[address])]
    return seen


def test_a_secret_printed_by_a_failing_function_is_nowhere(
    portal: Portal, web: Web, sandbox: Sandbox
) -> None:
    (ended,) = portal.wait_for_end(portal.deploy(account=None, Answer="FAILED", **SECRETS))

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    failure = Event.objects.get(status="CREATE_FAILED", logical_id="Table")
    assert "the password is ****; " in failure.reason
    assert "the pin is ****; " in failure.reason
    evidence = Evidence.objects.get(kind="function_log")
    assert "see the password is ****" in evidence.text
    assert Resource.objects.get(logical_id="Users").physical_id == "table-of-****"
    assert_nowhere(portal, web, ended)


@pytest.mark.parametrize("action", ["CreateChangeSet", "DescribeStackEvents"])
def test_secrets_are_removed_after_the_death_of_the_worker(portal: Portal, action: str) -> None:
    account = new_account()
    hold_call(portal, account, ("cloudformation", action, 0, "hold_after"))
    deployment = portal.deploy(account=account, Answer="FAILED", **SECRETS)
    kill_worker_when_all_calls_are_held(portal, [account])

    (ended,) = portal.wait_for_end(deployment)

    assert (ended.state, ended.sealed_parameters) == (State.ROLLED_BACK, "")
    assert "the password is ****; " in reason(ended)
    assert_not_stored(portal)


def test_a_secret_printed_after_the_deployment_is_nowhere(portal: Portal, web: Web, sandbox: Sandbox) -> None:
    (made,) = portal.wait_for_end(portal.deploy(account=None, **SECRETS))
    assert (made.state, made.sealed_parameters) == (State.SUCCEEDED, ""), reason(made)
    assert made.environment.outputs == {"Link": "https://shop.example/?token=****"}

    stdout = "\n".join(careless_output(SECRETS))
    fault = {"associations": {"configure": {"on": True, "stdout": stdout, "stderr": stdout}}}
    sandbox.control("POST", "faults", fault, account=made.environment.account.sandbox_account_id)
    association = made.environment.associations.get()
    request_association_run(
        user=made.requested_by,
        environment=made.environment,
        association_id=association.association_id,
        only_failed=False,
    )
    failed = AssociationRun.objects.filter(status="Failed").exclude(output="")
    wait_until(failed.exists, what="the output of the run that failed")
    assert "the password is ****" in failed.get().output
    assert_nowhere(portal, web, made)

    (removed,) = portal.wait_for_end(portal.remove(made))

    assert removed.state == State.SUCCEEDED
    assert Environment.objects.get().secret_fingerprints == ""
    assert_nowhere(portal, web, made, removed)
