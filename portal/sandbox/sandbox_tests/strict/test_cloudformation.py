"""CloudFormation's API: limits of requests, delayed reads, retention, and rate limits."""

from __future__ import annotations

import datetime
import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import gone, made
from sanso_sandbox.engine.cloudformation import retention, store

TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic}}"


def _many(section: str, count: int) -> str:
    one = {
        "Resources": {"Type": "AWS::SNS::Topic"},
        "Parameters": {"Type": "String", "Default": "x"},
        "Outputs": {"Value": "x"},
    }[section]
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    return json.dumps({**template, section: {f"One{number}": one for number in range(count)}})


@pytest.mark.parametrize(("section", "most"), [("Resources", 500), ("Parameters", 200), ("Outputs", 200)])
def test_a_template_has_so_many_entries_at_most(account: Account, section: str, most: int) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    account.publish(large=_many(section, most + 1))
    url = f"https://{account.bucket}.s3.{REGION}.amazonaws.com/sets/0123abcd/large.yaml"
    words = f"Number of {section.lower()}, {most + 1}, is greater than maximum allowed, {most}"
    with pytest.raises(ClientError, match=words):
        account.cloudformation.create_stack(StackName="large", TemplateURL=url)


def test_a_template_body_has_51200_bytes_at_most(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
    with pytest.raises(ClientError, match="51200"):
        account.start("large", TOPIC + "\n#" + "x" * 51_200)


def test_a_parameter_has_4096_bytes_at_most(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    template = "Parameters: {Text: {Type: String}}\n" + TOPIC
    given = [{"ParameterKey": "Text", "ParameterValue": "x" * 4_097}]
    with pytest.raises(ClientError, match="4096 bytes"):
        account.start("long", template, Parameters=given)


@pytest.mark.parametrize("name", ["1st", "under_score", "x" * 129])
def test_a_stack_has_a_name_of_the_documented_pattern(account: Account, name: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
    with pytest.raises(ClientError, match="failed to satisfy constraint"):
        account.start(name, TOPIC)


@pytest.mark.parametrize("token", ["-begins-with-a-hyphen", "under_score", "x" * 129])
def test_a_token_has_the_documented_pattern(account: Account, token: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"""
    with pytest.raises(ClientError, match="'clientRequestToken' failed to satisfy constraint"):
        account.start("token", TOPIC, ClientRequestToken=token)


def test_a_deleted_stack_is_found_by_its_id_alone(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html"""
    stack = made(account, "short-lived", TOPIC)
    gone(account, stack)
    assert account.status(stack) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Stack with id short-lived does not exist"):
        account.describe("short-lived")


def test_events_and_deleted_stacks_are_kept_for_90_days() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html"""
    now = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
    late, early = "2026-08-29T12:00:01.000Z", "2026-08-29T11:59:59.000Z"
    deleted: store.Stack = {"StackStatus": "DELETE_COMPLETE", "DeletionTime": late}
    assert retention.is_kept(deleted, now)
    assert not retention.is_kept({**deleted, "DeletionTime": early}, now)
    assert retention.is_kept({"StackStatus": "CREATE_COMPLETE"}, now)
    events = [{"Timestamp": early}, {"Timestamp": late}]
    assert retention.kept_events(events, now) == events[1:]


def test_a_stack_is_not_found_for_a_moment_after_its_creation(account: Account) -> None:
    """https://github.com/aws/aws-cdk-cli/issues/1803"""
    account.pace(1000)  # AWS's two seconds are minutes
    stack = account.cloudformation.create_stack(StackName="fresh", TemplateBody=TOPIC)["StackId"]
    with pytest.raises(ClientError, match="does not exist"):
        account.describe(stack)
    with pytest.raises(ClientError, match="does not exist"):
        account.events(stack)
    account.pace(0)
    assert account.settled(stack) == "CREATE_COMPLETE"


def test_calls_are_throttled_beyond_the_rate_of_their_api(account: Account) -> None:
    """https://github.com/eksctl-io/eksctl/issues/567: also reads; other APIs and S3 are not affected."""
    stack = made(account, "busy", TOPIC)
    account.pace(1000)  # the next token takes minutes

    def describe_often() -> None:
        for _number in range(30):
            account.describe(stack)

    with pytest.raises(ClientError, match=r"\(Throttling\).*Rate exceeded"):
        describe_often()
    assert account.events(stack)
    for _number in range(30):
        account.client("s3").list_buckets()
    account.pace(0)
    account.describe(stack)


def test_a_client_that_retries_gets_through_the_throttling(account: Account) -> None:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""
    stack = made(account, "busy", TOPIC)
    account.pace(12)
    client = boto3.client(  # type: ignore[call-overload]
        "cloudformation",
        region_name=REGION,
        **account.sandbox.credentials(account.id),
        config=Config(retries={"mode": "standard", "total_max_attempts": 10}),
    )
    retried = 0
    for _number in range(40):
        retried += client.describe_stacks(StackName=stack)["ResponseMetadata"]["RetryAttempts"]
    assert retried
    client.close()
