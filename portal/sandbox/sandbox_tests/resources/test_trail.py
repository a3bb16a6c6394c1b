"""CloudTrail's event history has who called, also what was rejected, and finds it after its delivery."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import Network
from sandbox_tests.strict.test_permissions import FUNCTION, NAMED, allow, given, role
from sanso_sandbox.engine.trail import names_in


def user(account: Account, name: str, *statements: dict[str, Any]) -> Any:
    """Return a function that makes clients of a new IAM user, as the AWS CLI signs with its keys."""
    iam = account.client("iam")
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = account.sandbox.credentials(account.id) | {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    return lambda service: boto3.client(service, region_name=REGION, **credentials)


def looked_up(account: Account, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    pages = account.client("cloudtrail").get_paginator("lookup_events")
    found = pages.paginate(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **more)
    return [json.loads(row["CloudTrailEvent"]) for page in found for row in page["Events"]]


def test_a_change_from_outside_has_its_principal_and_the_resource(account: Account, network: Network) -> None:
    alice = user(account, "alice", allow("ec2:*"))

    alice("ec2").delete_security_group(GroupId=network.bare)

    (deleted, *created) = looked_up(account, "ResourceName", network.bare)
    assert deleted["userIdentity"]["arn"] == f"arn:aws:iam::{account.id}:user/alice"
    assert (deleted["eventSource"], deleted["eventName"]) == ("ec2.amazonaws.com", "DeleteSecurityGroup")
    assert "errorCode" not in deleted
    assert [one["userIdentity"].get("invokedBy") for one in created] == ["cloudformation.amazonaws.com"]
    assert [one["eventName"] for one in looked_up(account, "Username", "alice")] == ["DeleteSecurityGroup"]


def test_a_denied_call_is_found_by_the_name_of_its_user(account: Account, network: Network) -> None:
    bob = user(account, "bob", allow("ec2:CreateTags"))

    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        bob("ec2").describe_vpcs()
    with pytest.raises(ClientError, match="AccessDenied"):
        bob("ssm").get_parameter(Name="/own")

    reading, describing = looked_up(account, "Username", "bob")
    assert (describing["eventName"], describing["errorCode"]) == (
        "DescribeVpcs",
        "Client.UnauthorizedOperation",
    )
    assert describing["readOnly"] is True
    assert (reading["eventName"], reading["errorCode"]) == ("GetParameter", "AccessDeniedException")
    assert "is not authorized to perform: ssm:GetParameter" in reading["errorMessage"]


def test_a_call_that_a_handler_may_not_make_is_that_of_the_service_role(account: Account) -> None:
    passed = role(account, "passed")
    deployer = role(account, "deployer", allow("lambda:*"))
    account.create("sanso-f", FUNCTION, RoleARN=deployer, Parameters=given(Role=passed), Capabilities=NAMED)

    (denied,) = [one for one in looked_up(account, "Username", "AWSCloudFormation") if "errorCode" in one]

    assert denied["userIdentity"]["arn"].endswith(":assumed-role/deployer/AWSCloudFormation")
    assert (denied["eventName"], denied["errorCode"]) == ("PassRole", "AccessDenied")
    assert "is not authorized to perform: iam:PassRole" in denied["errorMessage"]


def test_reads_that_succeed_and_data_events_are_not_kept(account: Account) -> None:
    account.publish(root="Resources: {}")
    account.client("ec2").describe_vpcs()

    assert {one["eventName"] for one in looked_up(account, "Username", "root")} == {"CreateBucket"}
    (bucket,) = looked_up(account, "ResourceName", account.bucket)
    assert bucket["requestParameters"] is None


def test_events_have_pages_and_are_limited_by_time(account: Account) -> None:
    for name in ("one", "two", "three"):
        account.client("sns").create_topic(Name=name)
    client = account.client("cloudtrail")

    first = client.lookup_events(MaxResults=2)
    rest = client.lookup_events(MaxResults=50, NextToken=first["NextToken"])

    ids = [one["EventId"] for one in (*first["Events"], *rest["Events"])]
    assert len(ids) == len(set(ids)) > 2
    times = [one["EventTime"] for one in (*first["Events"], *rest["Events"])]
    assert times == sorted(times, reverse=True)
    assert not client.lookup_events(EndTime=1_000_000)["Events"]


def test_only_one_filter_is_allowed(account: Account) -> None:
    both = [{"AttributeKey": "Username", "AttributeValue": "a"}] * 2

    with pytest.raises(ClientError, match="InvalidLookupAttributes"):
        account.client("cloudtrail").lookup_events(LookupAttributes=both)


def test_an_event_is_found_after_its_delivery(account: Account) -> None:
    account.pace(1)  # five minutes of AWS take 25 s
    account.client("sns").create_topic(Name="late")

    assert not looked_up(account, "EventName", "CreateTopic")

    account.pace(0)
    assert [one["eventName"] for one in looked_up(account, "EventName", "CreateTopic")] == ["CreateTopic"]


def test_the_history_can_be_looked_up_twice_a_second(account: Account) -> None:
    account.pace(12)  # AWS's own speed
    client = account.client("cloudtrail")
    for _ in range(2):
        client.lookup_events()

    with pytest.raises(ClientError, match="ThrottlingException"):
        client.lookup_events()


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"Action": ["DeleteSecurityGroup"], "GroupId": ["sg-1"]}, ("sg-1",)),
        ({"InstanceId.1": ["i-1"], "InstanceId.2": ["i-2"]}, ("i-1", "i-2")),
        ({"TargetGroupArn": ["arn:1"], "Targets.member.1.Id": ["i-1"]}, ("arn:1", "i-1")),
        ({"MasterUserPassword": "x", "SecretString": "y", "DBClusterIdentifier": "db"}, ("db",)),
        ({"Name": "p", "Value": "secret", "Tags": [{"Key": "k", "Value": "v"}]}, ("p",)),
    ],
)
def test_only_what_names_resources_is_kept_of_the_parameters(
    parameters: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert names_in(parameters) == names
