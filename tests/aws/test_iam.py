"""The gateway to IAM: results of one and of several resources, and pages of them."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.aws.iam import ContextKey, IAMGateway, SimulatedDecision
from deployments.common.errors import AwsAccessError, AwsNotFound
from tests.aws.conftest import Stub

ROLE = "arn:aws:iam::123456789012:role/sanso-portal"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/sanso-x"
OTHER = "arn:aws:cloudformation:eu-west-1:123456789012:stack/sanso-y"


def request_of(actions: list[str], resources: list[str], **more: Any) -> dict[str, Any]:
    return {
        "PolicySourceArn": ROLE,
        "ActionNames": actions,
        "ResourceArns": resources,
        "ContextEntries": more.pop("context", []),
        "MaxItems": 1000,
        **more,
    }


def test_without_resources_the_top_level_has_the_decision(stub: Stub) -> None:
    client, stubber = stub("iam")
    rows = [
        {"EvalActionName": "tag:GetResources", "EvalResourceName": "*", "EvalDecision": "allowed"},
        {
            "EvalActionName": "ec2:DescribeSubnets",
            "EvalResourceName": "*",
            "EvalDecision": "implicitDeny",
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": False},
        },
    ]
    actions = ["tag:GetResources", "ec2:DescribeSubnets"]
    first = request_of(actions, ["*"])
    answer = {"EvaluationResults": rows[:1], "IsTruncated": True, "Marker": "1"}
    stubber.add_response("simulate_principal_policy", answer, first)
    stubber.add_response(
        "simulate_principal_policy", {"EvaluationResults": rows[1:]}, {**first, "Marker": "1"}
    )

    found = IAMGateway(client).simulate(ROLE, actions, ["*"], [])

    assert found == [
        SimulatedDecision(action="tag:GetResources", resource="*", is_allowed=True),
        SimulatedDecision(action="ec2:DescribeSubnets", resource="*", is_allowed=False, by_organization=True),
    ]


def test_of_several_resources_each_has_its_own_decision(stub: Stub) -> None:
    client, stubber = stub("iam")
    specific = [
        {"EvalResourceName": STACK, "EvalResourceDecision": "allowed"},
        {
            "EvalResourceName": OTHER,
            "EvalResourceDecision": "explicitDeny",
            "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
        },
    ]
    row = {
        "EvalActionName": "cloudformation:DeleteStack",
        "EvalResourceName": "arn:${Partition}:cloudformation:${Region}:${Account}:stack/${StackName}/${Id}",
        "EvalDecision": "explicitDeny",
        "ResourceSpecificResults": specific,
    }
    context = [
        {
            "ContextKeyName": "aws:ResourceTag/sanso:environment",
            "ContextKeyType": "string",
            "ContextKeyValues": ["x"],
        }
    ]
    expected = request_of(["cloudformation:DeleteStack"], [STACK, OTHER], context=context)
    stubber.add_response("simulate_principal_policy", {"EvaluationResults": [row]}, expected)

    found = IAMGateway(client).simulate(
        ROLE,
        ["cloudformation:DeleteStack"],
        [STACK, OTHER],
        [ContextKey(name="aws:ResourceTag/sanso:environment", value="x")],
    )

    assert [(one.resource, one.is_allowed, one.is_explicit, one.by_boundary) for one in found] == [
        (STACK, True, False, False),
        (OTHER, False, True, True),
    ]


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AwsAccessError), ("NoSuchEntity", AwsNotFound)])
def test_a_refused_simulation_is_an_error_of_the_tree(stub: Stub, code: str, kind: type[Exception]) -> None:
    client, stubber = stub("iam")
    stubber.add_client_error("simulate_principal_policy", code)

    with pytest.raises(kind):
        IAMGateway(client).simulate(ROLE, ["tag:GetResources"], ["*"], [])
