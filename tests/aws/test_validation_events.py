"""The findings of validation, in botocore's shape of DescribeEvents."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber

from deployments.aws.cloudformation import CloudFormationGateway
from deployments.aws.validation_events import ValidationFinding
from tests.builders import START, stack_id

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


def test_findings_of_every_page_are_read_and_nothing_else() -> None:
    client = boto3.client(
        "cloudformation", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
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
