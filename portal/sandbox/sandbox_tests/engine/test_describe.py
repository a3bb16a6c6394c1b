"""Descriptions of stacks: pages, ids, operations, notifications, and response times with many stacks."""

from __future__ import annotations

import itertools
import re
import textwrap
from functools import partial

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import processor_seconds, wait_until

QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
"""


def many(count: int) -> str:
    """Return a template of many small resources."""
    names = "".join(
        f"  N{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: x}}}}\n"
        for n in range(count)
    )
    return f"Resources:\n{names}"


def test_events_come_newest_first_in_pages_without_gap_or_repetition_while_more_are_written(
    account: Account,
) -> None:
    stack = account.create("long", many(80))  # 2 + 3 * 80 events
    first = account.cloudformation.describe_stack_events(StackName=stack)
    assert first["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    times = [event["Timestamp"] for event in first["StackEvents"]]
    assert times == sorted(times, reverse=True)
    account.delete(stack)  # many more events, which must not shift the pages that follow
    ids = [event["EventId"] for event in first["StackEvents"]]
    token = first["NextToken"]
    while token:
        page = account.cloudformation.describe_stack_events(StackName=stack, NextToken=token)
        ids += [event["EventId"] for event in page["StackEvents"]]
        token = page.get("NextToken")
    assert len(ids) == 2 + 3 * 80
    everything = [event["EventId"] for event in account.events(stack)]
    assert ids[::-1] == everything[: len(ids)]
    assert len(set(everything)) == len(everything)


def test_event_ids_are_spelt_as_aws_spells_them(account: Account) -> None:
    stack = account.create("ids", QUEUE)
    events = account.events(stack)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", events[0]["EventId"])
    assert re.fullmatch(
        r"Queue-CREATE_IN_PROGRESS-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", events[1]["EventId"]
    )


def test_a_token_that_was_not_handed_out_is_refused(account: Account) -> None:
    stack = account.create("token", QUEUE)
    with pytest.raises(ClientError, match="Invalid NextToken"):
        account.cloudformation.describe_stack_events(StackName=stack, NextToken="DescribeStackEvents:999")


def test_a_resource_is_found_by_its_physical_id(account: Account) -> None:
    stack = account.create("physical", QUEUE)
    queue = account.events(stack)[-2]["PhysicalResourceId"]
    found = account.cloudformation.describe_stack_resources(PhysicalResourceId=queue)["StackResources"]
    assert [(one["StackId"], one["LogicalResourceId"]) for one in found] == [(stack, "Queue")]
    one = account.cloudformation.describe_stack_resource(StackName="physical", LogicalResourceId="Queue")
    assert one["StackResourceDetail"]["PhysicalResourceId"] == queue


def test_missing_stacks_are_refused_in_aws_words(account: Account) -> None:
    cloudformation = account.cloudformation
    with pytest.raises(ClientError, match="Stack with id none does not exist"):
        cloudformation.describe_stacks(StackName="none")
    with pytest.raises(ClientError, match=re.escape("Stack [none] does not exist")):
        cloudformation.describe_stack_events(StackName="none")
    with pytest.raises(ClientError, match=re.escape("Stack [none] does not exist")):
        cloudformation.update_stack(StackName="none", TemplateBody=textwrap.dedent(QUEUE))


def test_secret_parameters_are_masked(account: Account) -> None:
    template = """
        Parameters:
          Secret: {Type: String, NoEcho: true}
        Resources:
          Queue: {Type: AWS::SQS::Queue}
    """
    stack = account.create(
        "secret", template, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hush"}]
    )
    assert account.parameters(stack) == {"Secret": "****"}


def test_a_stack_that_was_never_updated_has_no_time_of_an_update(account: Account) -> None:
    stack = account.create("times", QUEUE)
    assert "LastUpdatedTime" not in account.describe(stack)
    account.update(stack, QUEUE + "      More: {Type: AWS::SNS::Topic}\n")
    described = account.describe(stack)
    assert described["LastUpdatedTime"] >= described["CreationTime"]


def test_operations_are_told_with_their_events(account: Account) -> None:
    stack = account.create("operations", QUEUE)
    account.delete(stack)
    operations = account.describe(stack)["LastOperations"]
    assert [one["OperationType"] for one in operations] == ["DELETE_STACK", "CREATE_STACK"]
    for operation in operations:
        reported = account.cloudformation.describe_events(
            StackName=stack, OperationId=operation["OperationId"]
        )["OperationEvents"]
        assert {one["OperationType"] for one in reported} == {operation["OperationType"]}
        assert reported[0]["OperationStatus"] == "SUCCEEDED"
        assert reported[-1]["OperationStatus"] == "IN_PROGRESS"
    by_event = {event["OperationId"] for event in account.events(stack)}
    assert by_event == {one["OperationId"] for one in operations}


def test_failed_events_can_be_asked_for_alone(account: Account) -> None:
    account.fail(Queue="no more queues")
    stack = account.create("failed", QUEUE)
    reported = account.cloudformation.describe_events(StackName=stack, Filters={"FailedEvents": True})
    assert [(one["LogicalResourceId"], one["ResourceStatus"]) for one in reported["OperationEvents"]] == [
        ("Queue", "CREATE_FAILED")
    ]


def test_every_event_is_sent_to_the_notification_topics(account: Account) -> None:
    topic = account.client("sns").create_topic(Name="events")["TopicArn"]
    queue = account.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    arn = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    stack = account.create("told", QUEUE, NotificationARNs=[topic], ClientRequestToken="tell")
    assert account.describe(stack)["NotificationARNs"] == [topic]
    account.delete(stack)
    events = account.events(stack)
    messages: list[dict[str, str]] = []

    def all_are_there() -> bool:
        messages.extend(account.messages(queue))
        return len(messages) >= len(events)

    wait_until(all_are_there, what="the notifications")
    assert {message["Subject"] for message in messages} == {"AWS CloudFormation Notification"}
    reported = [dict(re.findall(r"^(\w+)='(.*)'$", message["Message"], re.MULTILINE)) for message in messages]
    assert {one["EventId"] for one in reported} == {event["EventId"] for event in events}
    first = next(one for one in reported if one["EventId"] == events[2]["EventId"])
    assert {
        key: first[key]
        for key in (
            "StackName",
            "LogicalResourceId",
            "ResourceType",
            "ResourceStatus",
            "ResourceStatusReason",
        )
    } == {
        "StackName": "told",
        "LogicalResourceId": "Queue",
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceStatusReason": "Resource creation Initiated",
    }
    assert (first["Namespace"], first["ClientRequestToken"]) == (account.id, "tell")


def test_a_nested_stack_notifies_the_topics_of_its_own(account: Account, template_url: str) -> None:
    sns, sqs = account.client("sns"), account.client("sqs")
    topic = sns.create_topic(Name="events")["TopicArn"]
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    account.publish(queue=QUEUE)
    template = f"""
        Resources:
          Nested:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {template_url}/queue.yaml, NotificationARNs: [{topic}]}}
    """
    root = account.create("root", template)
    names = {
        found[1]
        for message in account.messages(queue)
        if (found := re.search(r"^StackName='(.*)'$", message["Message"], re.MULTILINE))
    }
    assert names == {account.describe(account.child(root, "Nested"))["StackName"]}


def test_five_hundred_stacks_are_described_in_time(account: Account) -> None:
    cloudformation = account.cloudformation
    body = textwrap.dedent("""
        Resources:
          Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}
    """)
    ids = [
        cloudformation.create_stack(StackName=f"many-{n}", TemplateBody=body)["StackId"] for n in range(500)
    ]
    account.settled(ids[-1])
    assert account.sandbox.process is not None
    busy = partial(processor_seconds, account.sandbox.process.pid)
    started = busy()
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    found = list(itertools.chain.from_iterable(page["Stacks"] for page in pages))
    all_of_them = busy() - started
    assert {one["StackId"] for one in found} == set(ids)
    started = busy()
    for stack_id in ids[::25]:
        cloudformation.describe_stacks(StackName=stack_id)
    assert all_of_them < 3
    assert (busy() - started) / 20 < 0.1
