"""The gateway against responses in botocore's own shapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deployments.aws.cloudformation import ChangeSetRequest, CloudFormationGateway, DeploymentConfig
from deployments.common.errors import AwsAlreadyDone, AwsNotFound
from tests.builders import START, stack_id

ROOT = stack_id("sanso-env")


@pytest.fixture
def stubbed() -> Iterator[tuple[CloudFormationGateway, Stubber]]:
    client = boto3.client(
        "cloudformation", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield CloudFormationGateway(client), stubber
        stubber.assert_no_pending_responses()


def event(number: int, **values: Any) -> dict[str, Any]:
    return {
        "StackId": ROOT,
        "EventId": f"event-{number}",
        "StackName": "sanso-env",
        "LogicalResourceId": "Vpc",
        "ResourceType": "AWS::EC2::VPC",
        "Timestamp": START + timedelta(seconds=number),
        "ResourceStatus": "CREATE_IN_PROGRESS",
    } | values


def test_an_update_in_express_mode_sends_its_mode_and_leaves_out_the_rollback_of_the_execution(
    stubbed: tuple[CloudFormationGateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    config = {"Mode": "EXPRESS", "DisableRollback": False}
    sent = {
        "StackName": ROOT, "ChangeSetName": "c", "ChangeSetType": "UPDATE", "ClientToken": "t",
        "TemplateURL": "https://x", "IncludeNestedStacks": True, "Capabilities": [], "Parameters": [],
        "Tags": [], "DeploymentConfig": config,
    }  # fmt: skip
    stubber.add_response("create_change_set", {"Id": "arn:cs", "StackId": ROOT}, sent)
    executed = {"ChangeSetName": "arn:cs", "ClientRequestToken": "t", "RetainExceptOnCreate": True}
    stubber.add_response("execute_change_set", {}, executed)
    request = ChangeSetRequest(
        stack_name=ROOT,
        change_set_name="c",
        token="t",
        template_url="https://x",
        parameters={},
        tags={},
        capabilities=(),
        is_update=True,
        deployment_config=DeploymentConfig("EXPRESS", keeps_on_failure=False),
    )

    assert gateway.create_change_set(request) == "arn:cs"
    gateway.execute_change_set("arn:cs", "t", keep_on_failure=None)


def test_a_stack_is_read_with_outputs_and_tags(stubbed: tuple[CloudFormationGateway, Stubber]) -> None:
    gateway, stubber = stubbed
    stubber.add_response(
        "describe_stacks",
        {
            "Stacks": [
                {
                    "StackId": ROOT,
                    "StackName": "sanso-env",
                    "CreationTime": START,
                    "StackStatus": "CREATE_COMPLETE",
                    "Outputs": [{"OutputKey": "URL", "OutputValue": "http://x"}],
                    "Tags": [{"Key": "sanso:environment", "Value": "1"}],
                }
            ]
        },
        {"StackName": "sanso-env"},
    )

    stack = gateway.describe_stack("sanso-env")

    assert (stack.status, stack.outputs, stack.tags) == (
        "CREATE_COMPLETE",
        {"URL": "http://x"},
        {"sanso:environment": "1"},
    )


def test_events_are_returned_oldest_first_and_paging_stops_at_the_bookmark(
    stubbed: tuple[CloudFormationGateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    stubber.add_response(
        "describe_stack_events",
        {"StackEvents": [event(5), event(4)], "NextToken": "more"},
        {"StackName": ROOT},
    )
    stubber.add_response(
        "describe_stack_events",
        {"StackEvents": [event(4), event(3), event(2), event(1)], "NextToken": "much more"},
        {"StackName": ROOT, "NextToken": "more"},
    )

    found = gateway.events_after(ROOT, "event-2")

    assert [e.event_id for e in found] == ["event-3", "event-4", "event-5"]


def test_optional_fields_of_an_event_may_be_missing(stubbed: tuple[CloudFormationGateway, Stubber]) -> None:
    gateway, stubber = stubbed
    bare = {k: v for k, v in event(1).items() if k in ("StackId", "EventId", "StackName", "Timestamp")}
    stubber.add_response("describe_stack_events", {"StackEvents": [bare]}, {"StackName": ROOT})

    (found,) = gateway.events_after(ROOT, "")

    assert (found.logical_id, found.physical_id, found.reason) == ("", "", "")
    assert not found.is_of_the_stack


def test_a_change_set_is_created_with_nested_stacks_and_a_token(
    stubbed: tuple[CloudFormationGateway, Stubber],
) -> None:
    gateway, stubber = stubbed
    stubber.add_response(
        "create_change_set",
        {"Id": "arn:change-set", "StackId": ROOT},
        {
            "StackName": "sanso-env",
            "ChangeSetName": "sanso-1",
            "ChangeSetType": "CREATE",
            "ClientToken": "token",
            "TemplateURL": "https://b.s3.ap-northeast-1.amazonaws.com/p/root.yaml",
            "IncludeNestedStacks": True,
            "Capabilities": ["CAPABILITY_IAM"],
            "Parameters": [{"ParameterKey": "Size", "ParameterValue": "2"}],
            "Tags": [{"Key": "k", "Value": "v"}],
            "RoleARN": ANY,
        },
    )

    made = gateway.create_change_set(
        ChangeSetRequest(
            stack_name="sanso-env",
            change_set_name="sanso-1",
            token="token",
            template_url="https://b.s3.ap-northeast-1.amazonaws.com/p/root.yaml",
            parameters={"Size": "2"},
            tags={"k": "v"},
            capabilities=("CAPABILITY_IAM",),
            role_arn="arn:aws:iam::123456789012:role/cfn",
        )
    )

    assert made == "arn:change-set"


def test_the_repr_of_a_request_does_not_contain_its_parameters() -> None:
    request = ChangeSetRequest(
        stack_name="s",
        change_set_name="c",
        token="t",
        template_url="u",
        parameters={"Password": "hunter2"},
        tags={},
        capabilities=(),
    )
    assert "hunter2" not in repr(request)


def test_a_change_set_is_read_over_all_pages(stubbed: tuple[CloudFormationGateway, Stubber]) -> None:
    gateway, stubber = stubbed
    head = {
        "ChangeSetId": "arn:cs",
        "StackId": ROOT,
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
    }
    nested = {
        "Action": "Add",
        "LogicalResourceId": "Network",
        "ResourceType": "AWS::CloudFormation::Stack",
        "ChangeSetId": "arn:nested",
    }
    plain = {"Action": "Add", "LogicalResourceId": "Topic", "ResourceType": "AWS::SNS::Topic"}
    stubber.add_response(
        "describe_change_set",
        head | {"Changes": [{"Type": "Resource", "ResourceChange": nested}], "NextToken": "n"},
    )
    stubber.add_response(
        "describe_change_set", head | {"Changes": [{"Type": "Resource", "ResourceChange": plain}]}
    )

    change_set = gateway.describe_change_set("arn:cs")

    assert [(c.logical_id, c.change_set_id) for c in change_set.changes] == [
        ("Network", "arn:nested"),
        ("Topic", ""),
    ]


def test_errors_of_botocore_become_errors_of_ours(stubbed: tuple[CloudFormationGateway, Stubber]) -> None:
    gateway, stubber = stubbed
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")
    with pytest.raises(AwsNotFound):
        gateway.describe_stack("x")
    stubber.add_client_error("execute_change_set", "InvalidChangeSetStatus", "cannot be executed")
    with pytest.raises(AwsAlreadyDone):
        gateway.execute_change_set("arn:cs", "t")
