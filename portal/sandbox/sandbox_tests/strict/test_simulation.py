"""SimulatePrincipalPolicy decides as the sandbox enforces.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    ],
}
TOPICS = "arn:aws:sns:ap-northeast-1:{account}:sanso-*"


def statement(action: str, resource: str = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role(account: Account, *statements: dict[str, Any], **more: str) -> str:
    iam = account.client("iam")
    made = iam.create_role(RoleName="tested", AssumeRolePolicyDocument=json.dumps(TRUST), **more)
    iam.put_role_policy(RoleName="tested", PolicyName="own", PolicyDocument=document(*statements))
    return str(made["Role"]["Arn"])


def simulate(account: Account, arn: str, *actions: str, **more: Any) -> list[dict[str, Any]]:
    iam = account.client("iam")
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(actions), **more)
    found: list[dict[str, Any]] = answer["EvaluationResults"]
    return found


def test_a_simulation_decides_as_the_sandbox_enforces(account: Account) -> None:
    arn = role(account, statement("sns:*"), statement("sns:DeleteTopic", effect="Deny"))

    found = simulate(account, arn, "sns:Publish", "sns:DeleteTopic", "sqs:SendMessage")

    assert [one["EvalDecision"] for one in found] == ["allowed", "explicitDeny", "implicitDeny"]
    account.client("iam").put_role_policy(
        RoleName="tested", PolicyName="own", PolicyDocument=document(statement("sqs:*"))
    )
    assert [one["EvalDecision"] for one in simulate(account, arn, "sns:Publish")] == ["implicitDeny"]


def test_of_several_resources_each_is_decided_and_the_top_level_is_the_strictest(account: Account) -> None:
    pattern = TOPICS.format(account=account.id)
    arn = role(account, statement("sns:Publish", pattern))
    ours, other = pattern.replace("*", "x"), pattern.replace("sanso-*", "other")

    (found,) = simulate(account, arn, "sns:Publish", ResourceArns=[ours, other])

    assert found["EvalDecision"] == "implicitDeny"
    assert "${" in found["EvalResourceName"] or found["EvalResourceName"] == "*"
    decided = {
        one["EvalResourceName"]: one["EvalResourceDecision"] for one in found["ResourceSpecificResults"]
    }
    assert decided == {ours: "allowed", other: "implicitDeny"}


def test_a_simulated_condition_is_met_by_the_context(account: Account) -> None:
    condition = {"StringLike": {"aws:ResourceTag/sanso:environment": "*"}}
    arn = role(account, statement("rds:DeleteDBSnapshot", Condition=condition))
    given = {
        "ContextKeyName": "aws:ResourceTag/sanso:environment",
        "ContextKeyType": "string",
        "ContextKeyValues": ["shop"],
    }

    (without,) = simulate(account, arn, "rds:DeleteDBSnapshot")
    (with_it,) = simulate(account, arn, "rds:DeleteDBSnapshot", ContextEntries=[given])

    assert (without["EvalDecision"], with_it["EvalDecision"]) == ("implicitDeny", "allowed")
    assert without["MissingContextValues"] == ["aws:ResourceTag/sanso:environment"]


def test_a_boundary_limits_a_simulation(account: Account) -> None:
    iam = account.client("iam")
    boundary = iam.create_policy(PolicyName="limit", PolicyDocument=document(statement("sqs:*")))
    arn = role(account, statement("*"), PermissionsBoundary=boundary["Policy"]["Arn"])

    beyond, within = simulate(account, arn, "sns:Publish", "sqs:SendMessage")

    assert (beyond["EvalDecision"], within["EvalDecision"]) == ("implicitDeny", "allowed")
    assert beyond["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_results_have_pages(account: Account) -> None:
    arn = role(account, statement("sns:*"))
    actions = ["sns:Publish", "sns:Subscribe", "sns:DeleteTopic"]
    pages = (
        account.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(PolicySourceArn=arn, ActionNames=actions, PaginationConfig={"PageSize": 2})
    )

    assert [one["EvalActionName"] for page in pages for one in page["EvaluationResults"]] == actions


def test_what_cannot_be_simulated_is_refused(account: Account) -> None:
    known = role(account, statement("sns:*"))
    for arn, action, code in (
        (known.replace("tested", "gone"), "sns:Publish", "NoSuchEntity"),
        (known, "sns:*", "InvalidInput"),
        ("arn:aws:iam::123456789012:root", "sns:Publish", "InvalidInput"),
    ):
        with pytest.raises(ClientError) as refused:
            simulate(account, arn, action)
        assert refused.value.response["Error"]["Code"] == code
