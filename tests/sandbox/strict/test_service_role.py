"""The service role of account.yaml: it suffices for the bundled set, and what it lacked before stops it.

By AWS's data: the schemas of the handlers, and the Service Authorization Reference.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployments.failures.rules.catalogue import recognize
from sandbox_tests.engine.conftest import Account
from tests.permissions import granted_actions
from tests.permissions.check_roles import ACCOUNT_TEMPLATE, BEFORE
from tests.sandbox.engine.test_infra_templates import apply, failures, parameters, upload
from tests.services import REPOSITORY, wait_until

ROLE = "sanso-cloudformation"
STACK = "sanso-shop"
TAGS = [{"Key": "sanso:environment", "Value": "shop"}]  # as the portal tags stacks
OPTIONS = {"FlowLogs": "true", "CloudWatchAlarms": "true", "AppServersAdmit": "addresses"}


@pytest.fixture
def prepared(account: Account) -> Account:
    """An account with the roles of account.yaml."""
    account.sandbox.control("POST", "keys", {"name": "portal", "external_id": "e" * 32}, account=account.id)
    return account


def arn(account: Account, kind: str, name: str) -> str:
    return f"arn:aws:iam::{account.id}:{kind}/{name}"


def values(account: Account, **changed: str) -> list[dict[str, str]]:
    boundary = arn(account, "policy", "sanso-boundary")
    return parameters(account, PermissionsBoundary=boundary, **OPTIONS, **changed)


def deploy(account: Account) -> str:
    root_url = upload(account, REPOSITORY / "infra_templates")
    role = arn(account, "role", ROLE)
    return apply(
        account,
        STACK,
        "CREATE",
        name="sanso-create",
        seconds=300,
        TemplateURL=root_url,
        RoleARN=role,
        Parameters=values(account),
        Tags=TAGS,
    )


def first_failure(account: Account) -> tuple[str, str]:
    """Return the resource type and the reason of the first event that failed in the account."""
    events = [
        event
        for stack in account.cloudformation.list_stacks()["StackSummaries"]  # deleted ones as well
        for event in account.events(stack["StackId"])
        if "not authorized" in event.get("ResourceStatusReason", "")
    ]
    first = min(events, key=lambda event: event["Timestamp"], default={})
    return first.get("ResourceType", ""), first.get("ResourceStatusReason", "")


def put(account: Account, path: Path, **parameters: str) -> None:
    """Give the roles the policies of another version or variant of account.yaml."""
    granted_actions.put(account.client("iam"), account.id, path, **parameters)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scope", ["standard", "strict"])
def test_the_role_suffices_for_the_life_of_an_environment(prepared: Account, scope: str) -> None:
    put(prepared, ACCOUNT_TEMPLATE, RolesNeedBoundary="true", Scope=scope)
    root = deploy(prepared)
    assert prepared.status(root) == "CREATE_COMPLETE", first_failure(prepared)[1]

    role = arn(prepared, "role", ROLE)
    apply(
        prepared,
        STACK,
        "UPDATE",
        name="sanso-update",
        seconds=300,
        UsePreviousTemplate=True,
        RoleARN=role,
        Parameters=values(prepared, WebServerCount="3", LogRetentionDays="60"),
    )
    assert prepared.status(root) == "UPDATE_COMPLETE", first_failure(prepared)[1]

    prepared.cloudformation.delete_stack(StackName=STACK, RoleARN=role)
    wait_until(lambda: not prepared.status(root).endswith("_IN_PROGRESS"), seconds=300)
    assert prepared.status(root) == "DELETE_COMPLETE", first_failure(prepared)[1]


def test_the_role_before_is_first_refused_an_attribute_of_a_target_group(prepared: Account) -> None:
    prepared.sandbox.control(
        "POST",
        "readings",
        {
            "handlers_make_all_listed_calls": False,
            "wildcard_types_match_nothing": False,
            "nested_change_sets_use_the_service_role": False,
            "nested_stacks_are_passed_the_service_role": False,
            "roles_are_assumed_without_source_keys": False,
        },
        account=prepared.id,
    )
    iam = prepared.client("iam")
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=arn(prepared, "policy", "sanso-cloudformation-reads"))
    put(prepared, BEFORE)

    root = deploy(prepared)

    assert prepared.status(root).startswith("ROLLBACK_"), failures(prepared)
    kind, reason = first_failure(prepared)
    assert reason.startswith("Unable to retrieve "), reason
    assert "attribute for AWS::ElasticLoadBalancingV2::TargetGroup, with error message User: " in reason
    assert "is not authorized to perform: elasticloadbalancing:Describe" in reason
    known = recognize(kind, reason)
    assert known is not None
    assert known.values["action"].startswith("elasticloadbalancing:Describe")


def test_a_role_that_may_not_pass_itself_fails_at_the_first_nested_stack(prepared: Account) -> None:
    put(prepared, ACCOUNT_TEMPLATE)
    iam, own = prepared.client("iam"), arn(prepared, "role", ROLE)
    document = iam.get_role_policy(RoleName=ROLE, PolicyName="roles")["PolicyDocument"]
    # As revision 11 had it: no statement about the role itself but the one that denies everything.
    others = [one for one in document["Statement"] if own not in one["Resource"]]
    denial = {"Effect": "Deny", "Action": "iam:*", "Resource": [own]}
    older = json.dumps({**document, "Statement": [*others, denial]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="roles", PolicyDocument=older)

    root = deploy(prepared)

    assert prepared.status(root).startswith("ROLLBACK_"), failures(prepared)
    kind, reason = first_failure(prepared)
    assert kind == "AWS::CloudFormation::Stack"
    session = f"arn:aws:sts::{prepared.id}:assumed-role/{ROLE}/AWSCloudFormation"
    assert reason == (
        f"API: cloudFormation User: {session} is not authorized to perform: iam:PassRole on resource: {own} "
        "with an explicit deny in an identity-based policy"
    )
    known = recognize(kind, reason)
    assert known is not None
    assert (known.cause.code, known.values["action"]) == ("DeniedExplicitly", "iam:PassRole")


def test_a_role_without_the_boundary_cannot_be_created_or_widened(prepared: Account) -> None:
    put(prepared, ACCOUNT_TEMPLATE, RolesNeedBoundary="true")
    role = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]
"""
    one = prepared.create(
        "sanso-bare", role, RoleARN=arn(prepared, "role", ROLE), Capabilities=["CAPABILITY_IAM"]
    )
    assert prepared.status(one) == "ROLLBACK_COMPLETE"
    _kind, reason = first_failure(prepared)
    assert "not authorized to perform: iam:CreateRole" in reason

    prepared.client("iam").create_role(RoleName="sanso-older", AssumeRolePolicyDocument="{}")
    policy = """
Resources:
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: all
      Roles: [sanso-older]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
"""
    two = prepared.create(
        "sanso-wider", policy, RoleARN=arn(prepared, "role", ROLE), Capabilities=["CAPABILITY_IAM"]
    )
    assert prepared.status(two) == "ROLLBACK_COMPLETE"
    (reason,) = (
        event["ResourceStatusReason"]
        for event in prepared.events(two)
        if event["ResourceStatus"] == "CREATE_FAILED" and event["LogicalResourceId"] == "Policy"
    )
    assert "not authorized to perform: iam:PutRolePolicy" in reason
