"""Real failures: CloudTrail names who denied or deleted the resource, if the worker dies meanwhile, too."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from django.contrib.auth.models import User
from django.test import Client

from deployments.common.texts import stored_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence, trail_of
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.events import Event
from tests.builders import make_grant
from tests.chaos.conftest import calls_of, replace_worker, unobserved_account
from tests.chaos.test_kill_change import applied, change
from tests.message_texts import reason
from tests.pages.pages import page
from tests.running import Portal, client, create_roles
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Port: {Type: Number, Default: 80}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: for tests
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 10.0.0.0/8}]
Outputs:
  Group: {Value: !Ref Group}
"""


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT}


def put_policy(account: Account, sandbox: Sandbox, role: str, effect: str, action: str) -> None:
    """Add a policy to a role of an account, as an administrator does."""
    statement = {"Effect": effect, "Action": action, "Resource": "*"}
    client(account, "iam", sandbox).put_role_policy(
        RoleName=role,
        PolicyName="of-the-test",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def new_account_without(sandbox: Sandbox, role: str, action: str) -> Account:
    """Return an account in which a role is denied an action."""
    account = unobserved_account()
    create_roles(account, sandbox)
    put_policy(account, sandbox, role, "Deny", action)
    return account


def ec2_of_alice(account: Account, sandbox: Sandbox) -> Any:
    """Return the client of a person who works in the account with keys of her own."""
    iam = client(account, "iam", sandbox)
    iam.create_user(UserName="alice")
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="alice", PolicyName="network", PolicyDocument=document)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return boto3.client(
        "ec2",
        region_name=account.region,
        endpoint_url=sandbox.url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def sweeps_of(deployment: Deployment) -> ActionRequest:
    return ActionRequest.objects.of_kind("search_trail").get(environment=deployment.environment_id)


def wait_for_sweeps(deployment: Deployment) -> None:
    wait_until(lambda: sweeps_of(deployment).ended_at is not None, what="the second sweep")
    assert sweeps_of(deployment).state == "done"


def texts_of(deployment: Deployment) -> list[str]:
    return [stored_text(one.problem) for one in trail_of(Evidence.objects.of(deployment))]


def lookups(portal: Portal, deployment: Deployment) -> int:
    calls = calls_of(portal.sandbox, deployment.environment.account)
    return sum(one["action"] == "LookupEvents" for one in calls)


def test_a_denied_action_is_named_although_the_worker_dies_between_the_sweeps(
    portal: Portal, sandbox: Sandbox, client: Client
) -> None:
    account = new_account_without(sandbox, "sanso-cloudformation", "ec2:CreateSecurityGroup")
    (failed,) = portal.wait_for_end(portal.deploy(account=account))
    assert failed.state == State.ROLLED_BACK, reason(failed)
    wait_until(lambda: bool(sweeps_of(failed).result.get("swept")), what="the first sweep")

    replace_worker(portal)
    wait_for_sweeps(failed)

    session = f"arn:aws:sts::{account.sandbox_account_id}:assumed-role/sanso-cloudformation/AWSCloudFormation"
    text = f"AWS denied ec2:CreateSecurityGroup to {session} (cloudformation.amazonaws.com) ("
    (found,) = texts_of(failed)
    assert found.startswith(text)
    assert lookups(portal, failed) >= 2
    assert Event.objects.of(failed).with_code("trail.found").count() == 1
    user = User.objects.get(username="operator")
    make_grant(user, role="viewer")
    client.force_login(user)
    shown = page(client.get(failed.get_absolute_url(), follow=True)).one("section", id="trail").text
    assert found in shown
    (call,) = client.get(f"/api/v1/deployments/{failed.pk}").json()["trail"]
    assert (call["action"], call["text"]) == ("ec2:CreateSecurityGroup", found)


def test_who_deleted_the_resource_outside_is_named(portal: Portal, sandbox: Sandbox) -> None:
    account = unobserved_account()
    (created,) = portal.wait_for_end(portal.deploy(account=account))
    assert created.state == State.SUCCEEDED, reason(created)
    created.environment.refresh_from_db()
    ec2_of_alice(account, sandbox).delete_security_group(GroupId=created.environment.outputs["Group"])

    (failed,) = applied(portal, change(created, Port="443"))
    assert failed.state in (State.FAILED, State.ROLLED_BACK)
    wait_for_sweeps(failed)

    (found,) = texts_of(failed)
    assert found.startswith(f"arn:aws:iam::{account.sandbox_account_id}:user/alice (Boto3/")
    assert found.endswith(" called ec2:DeleteSecurityGroup on the resource before it failed.")


def test_a_role_that_may_not_read_cloudtrail_says_so_once(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account_without(sandbox, "sanso-portal", "cloudtrail:LookupEvents")
    fault = {"resources": {"Group": "Access denied for operation 'x' (HandlerErrorCode: AccessDenied)"}}
    sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    (failed,) = portal.wait_for_end(portal.deploy(account=account))

    wait_for_sweeps(failed)

    (text,) = texts_of(failed)
    assert text.startswith("It could not be read. cloudtrail:LookupEvents: ")
    assert lookups(portal, failed) == 1


def test_throttled_lookups_are_repeated_until_the_call_is_found(portal: Portal, sandbox: Sandbox) -> None:
    account = new_account_without(sandbox, "sanso-cloudformation", "ec2:CreateSecurityGroup")
    fault = {"service": "cloudtrail", "action": "LookupEvents", "mode": "throttle", "count": 3}
    portal.faults(account, fault)
    (failed,) = portal.wait_for_end(portal.deploy(account=account))

    wait_for_sweeps(failed)

    assert len(texts_of(failed)) == 1
    assert lookups(portal, failed) > 3
