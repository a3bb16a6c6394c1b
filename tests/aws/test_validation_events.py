"""What DescribeEvents has about change sets and failed operations, in botocore's shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from deployments.aws.cloudformation import CloudFormationGateway
from deployments.aws.validation_events import MAX_EVENTS, FailedEvent, ValidationFinding
from tests.builders import START, stack_id

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

CHANGE_SET = "arn:aws:cloudformation:ap-northeast-1:111122223333:changeSet/sanso-a/1"
COMMON = {
    "EventId": "1",
    "StackId": stack_id("sanso-env"),
    "OperationId": "2",
    "OperationType": "CREATE_CHANGESET",
    "Timestamp": START,
}
# The names and reasons of https://github.com/aws-cloudformation/rain/pull/744.
CONFLICT = {
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "Logs",
    "ResourceType": "AWS::S3::Bucket",
    "ValidationFailureMode": "FAIL",
    "ValidationName": "NAME_CONFLICT_VALIDATION",
    "ValidationStatus": "FAILED",
    "ValidationStatusReason": "Resource of type 'AWS::S3::Bucket' with identifier 'logs' already exists.",
    "ValidationPath": "/Resources/Logs",
}
QUOTA = CONFLICT | {
    "ValidationFailureMode": "WARN",
    "ValidationName": "A_CHECK_OF_LATER",
    "ValidationStatusReason": "Too many.",
}


@pytest.fixture
def client() -> CloudFormationClient:
    return boto3.client(
        "cloudformation", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def test_findings_of_every_page_are_read_and_nothing_else(client: CloudFormationClient) -> None:
    event = {"EventType": "STACK_EVENT", "LogicalResourceId": "sanso-env"}
    skipped = CONFLICT | {"ValidationStatus": "SKIPPED"}
    pages: list[dict[str, Any]] = [
        {"OperationEvents": [COMMON | event, COMMON | CONFLICT], "NextToken": "more"},
        {"OperationEvents": [COMMON | skipped, COMMON | QUOTA, {"EventType": "VALIDATION_ERROR"}]},
    ]
    with Stubber(client) as stubber:
        stubber.add_response("describe_events", pages[0], {"ChangeSetName": CHANGE_SET})
        stubber.add_response("describe_events", pages[1], {"ChangeSetName": CHANGE_SET, "NextToken": "more"})
        found = CloudFormationGateway(client).validation_findings(CHANGE_SET)

    conflict = ValidationFinding(
        logical_id="Logs",
        type="AWS::S3::Bucket",
        check="NAME_CONFLICT_VALIDATION",
        property_path="/Resources/Logs",
        reason="Resource of type 'AWS::S3::Bucket' with identifier 'logs' already exists.",
    )
    quota = ValidationFinding(
        logical_id="Logs",
        type="AWS::S3::Bucket",
        check="A_CHECK_OF_LATER",
        property_path="/Resources/Logs",
        reason="Too many.",
        is_warning=True,
    )
    assert found == [conflict, quota]


OF_STACK = COMMON | {"OperationType": "CREATE_STACK", "OperationStatus": "FAILED"}
# The hook and its reason are of https://docs.aws.amazon.com/cloudformation-cli/latest/hooks-userguide.
HOOK = {
    "EventType": "HOOK_INVOCATION_ERROR",
    "LogicalResourceId": "S3Bucket",
    "ResourceType": "AWS::S3::Bucket",
    "HookType": "MyCompany::Testing::MyTestHook",
    "HookStatus": "HOOK_COMPLETE_FAILED",
    "HookStatusReason": "Hook failed with message: Bucket encryption is required",
    "HookInvocationPoint": "PRE_PROVISION",
    "HookFailureMode": "FAIL",
}
OF_THE_STACK = {
    "EventType": "PROVISIONING_ERROR",
    "LogicalResourceId": "sanso-env",
    "PhysicalResourceId": COMMON["StackId"],
    "ResourceType": "AWS::CloudFormation::Stack",
    "ResourceStatus": "CREATE_FAILED",
    "ResourceStatusReason": "Validation failed with 1 error(s).",
    "DetailedStatus": "VALIDATION_FAILED",
}


def read(client: CloudFormationClient, *pages: list[dict[str, Any]]) -> list[FailedEvent]:
    """Return what the gateway reads of these pages."""
    asked = {"StackName": COMMON["StackId"], "Filters": {"FailedEvents": True}}
    with Stubber(client) as stubber:
        for number, events in enumerate(pages):
            answer: dict[str, Any] = {"OperationEvents": events}
            token = {"NextToken": f"page-{number}"} if number else {}
            more = {"NextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
            stubber.add_response("describe_events", answer | more, asked | token)
        return CloudFormationGateway(client).failed_operation_events(str(COMMON["StackId"]))


def test_validations_hooks_and_errors_of_operations_are_read(client: CloudFormationClient) -> None:
    warned = HOOK | {"HookFailureMode": "WARN", "HookStatus": "HOOK_FAILED"}

    found = read(client, [OF_STACK | CONFLICT, OF_STACK | HOOK], [OF_STACK | OF_THE_STACK, OF_STACK | warned])

    common = {"event_id": "1", "at": START, "type": "AWS::S3::Bucket"}
    reason = "Hook failed with message: Bucket encryption is required"
    hook = FailedEvent(
        **common,  # type: ignore[arg-type]  # values of several types
        kind="HOOK_INVOCATION_ERROR",
        logical_id="S3Bucket",
        check="MyCompany::Testing::MyTestHook",
        reason=reason,
    )
    assert found[0] == FailedEvent(
        **common,  # type: ignore[arg-type]  # values of several types
        kind="VALIDATION_ERROR",
        logical_id="Logs",
        check="NAME_CONFLICT_VALIDATION",
        property_path="/Resources/Logs",
        reason="Resource of type 'AWS::S3::Bucket' with identifier 'logs' already exists.",
    )
    assert found[1:2] == [hook]
    assert found[2].is_of_the_stack
    assert (found[2].check, found[2].reason) == ("CREATE_FAILED", "Validation failed with 1 error(s).")
    assert found[3] == replace(hook, is_warning=True)


@pytest.mark.parametrize(
    "event",
    [
        COMMON | CONFLICT,  # of a change set
        OF_STACK | CONFLICT | {"ValidationStatus": "SKIPPED"},
        OF_STACK | HOOK | {"HookStatus": "HOOK_COMPLETE_SUCCEEDED"},
        OF_STACK | OF_THE_STACK | {"ResourceStatus": "ROLLBACK_IN_PROGRESS"},
        OF_STACK | OF_THE_STACK | {"EventType": "STACK_EVENT"},
        OF_STACK | {"EventType": "PROGRESS"},  # the value on the wire of the enum's PROGRESS_EVENT
        {"EventType": "VALIDATION_ERROR", "ValidationStatus": "FAILED"},  # without a time
    ],
)
def test_other_events_are_left_out(client: CloudFormationClient, event: dict[str, Any]) -> None:
    assert read(client, [event]) == []


def test_the_events_of_a_long_history_are_limited(client: CloudFormationClient) -> None:
    pages = [[OF_STACK | HOOK] * 100] * 6

    assert len(read(client, *pages)) == MAX_EVENTS
