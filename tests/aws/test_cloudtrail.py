"""CloudTrail's events become calls with a caller; nothing of their parameters is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deployments.aws.cloudtrail import CloudTrailGateway, TrailEvent

AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SECRET = "hunter2-of-the-database"  # a parameter of the recorded call
ROLE = "arn:aws:sts::123456789012:assumed-role/sanso-cloudformation/AWSCloudFormation"
DENIED = {
    "userIdentity": {"type": "AssumedRole", "arn": ROLE, "invokedBy": "cloudformation.amazonaws.com"},
    "userAgent": "cloudformation.amazonaws.com",
    "errorCode": "Client.UnauthorizedOperation",
    "errorMessage": "You are not authorized to perform this operation.",
    "requestParameters": {"masterUserPassword": SECRET},
}


def looked_up(*records: dict[str, Any] | str, source: str = "ec2.amazonaws.com") -> list[TrailEvent]:
    """Return what the gateway makes of AWS's response with these events."""
    client = boto3.client(
        "cloudtrail", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    rows = [
        {
            "EventId": f"e-{number}",
            "EventName": "CreateVpc",
            "ReadOnly": "false",
            "EventTime": AT,
            "EventSource": source,
            "Username": "somebody",
            "CloudTrailEvent": record if isinstance(record, str) else json.dumps(record),
        }
        for number, record in enumerate(records)
    ]
    with Stubber(client) as stub:
        stub.add_response("lookup_events", {"Events": rows})
        return CloudTrailGateway(client).by_user("AWSCloudFormation", AT, AT, 10)


def test_a_denied_call_has_its_caller_and_code_and_no_parameters() -> None:
    (found,) = looked_up(DENIED)

    assert (found.action, found.principal, found.code) == ("ec2:CreateVpc", ROLE, "UnauthorizedOperation")
    assert found.client == "cloudformation.amazonaws.com"
    assert SECRET not in str(found)


def test_a_call_of_a_person_has_the_program() -> None:
    identity = {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/ana"}
    (found,) = looked_up({"userIdentity": identity, "userAgent": "aws-cli/2.31.0 md/awscrt#0.27"})

    assert (found.principal, found.client, found.code) == (identity["arn"], "aws-cli/2.31.0", "")


@pytest.mark.parametrize("record", ["", "no JSON", "[]", '{"userIdentity": null}', '{"userIdentity": "x"}'])
def test_an_event_that_cannot_be_read_has_the_name_that_cloudtrail_gives(record: str) -> None:
    (found,) = looked_up(record)

    assert (found.principal, found.code) == ("somebody", "")


def test_actions_have_the_prefix_of_policies() -> None:
    assert looked_up({}, source="monitoring.amazonaws.com")[0].action == "cloudwatch:CreateVpc"
