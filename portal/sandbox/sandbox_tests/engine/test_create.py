"""Creating stacks: order, parallelism, nested stacks, and the state after a failure, read from events."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until

QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
    Outputs:
      Url: {Value: !Ref Queue}
"""
TWO_AND_ONE = """
    Resources:
      First: {Type: AWS::SNS::Topic}
      Second: {Type: AWS::SNS::Topic}
      Third: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Sub "${First} ${Second}"}}
"""
CHILD = """
    Parameters:
      Text: {Type: String}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Text}}
    Outputs:
      Name: {Value: !Ref Note}
"""
HANDLER = (
    'Resource handler returned message: "no more queues" '
    r"\(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: \w+\)"
)


def parent(url: str, *names: str) -> str:
    """Return a template with a nested stack of each name."""
    nested = "".join(
        f"  {name}: {{Type: AWS::CloudFormation::Stack, Properties: "
        f"{{TemplateURL: {url}/child.yaml, Parameters: {{Text: {name.lower()}}}}}}}\n"
        for name in names
    )
    return f"Resources:\n{nested}"


def test_a_stack_tells_of_each_resource_when_it_starts_when_it_has_an_id_and_when_it_is_complete(
    account: Account,
) -> None:
    stack = account.create("one", QUEUE)
    assert account.story(stack) == [
        "stack CREATE_IN_PROGRESS User Initiated",
        "Queue CREATE_IN_PROGRESS",
        "Queue CREATE_IN_PROGRESS Resource creation Initiated",
        "Queue CREATE_COMPLETE",
        "stack CREATE_COMPLETE",
    ]
    started, initiated, complete = account.events(stack)[1:4]
    assert started["PhysicalResourceId"] == ""
    assert initiated["PhysicalResourceId"] == complete["PhysicalResourceId"] == account.outputs(stack)["Url"]


def test_resources_are_created_side_by_side_and_after_what_they_depend_on(account: Account) -> None:
    account.pace(0.05)
    stack = account.create("side", TWO_AND_ONE)
    story = account.story(stack)
    first_end = min(story.index("First CREATE_COMPLETE"), story.index("Second CREATE_COMPLETE"))
    both_end = max(story.index("First CREATE_COMPLETE"), story.index("Second CREATE_COMPLETE"))
    assert story.index("First CREATE_IN_PROGRESS") < first_end
    assert story.index("Second CREATE_IN_PROGRESS") < first_end
    assert story.index("Third CREATE_IN_PROGRESS") > both_end


def test_nested_stacks_run_side_by_side_with_events_of_their_own(account: Account, template_url: str) -> None:
    account.publish(child=CHILD)
    account.pace(0.05)
    stack = account.create("root", parent(template_url, "Left", "Right"))
    assert account.status(stack) == "CREATE_COMPLETE"
    story = account.story(stack)
    first_end = min(story.index("Left CREATE_COMPLETE"), story.index("Right CREATE_COMPLETE"))
    assert story.index("Left CREATE_IN_PROGRESS Resource creation Initiated") < first_end
    assert story.index("Right CREATE_IN_PROGRESS Resource creation Initiated") < first_end
    assert account.story(account.child(stack, "Left")) == [
        "stack CREATE_IN_PROGRESS User Initiated",
        "Note CREATE_IN_PROGRESS",
        "Note CREATE_IN_PROGRESS Resource creation Initiated",
        "Note CREATE_COMPLETE",
        "stack CREATE_COMPLETE",
    ]


def test_a_parent_reads_the_outputs_of_a_nested_stack(account: Account, template_url: str) -> None:
    account.publish(child=CHILD)
    outputs = "Outputs:\n  Name: {Value: !GetAtt Left.Outputs.Name}\n"
    stack = account.create("root", parent(template_url, "Left") + outputs)
    assert account.parameter(account.outputs(stack)["Name"]) == "left"


def test_parent_and_root_are_told_at_every_depth(account: Account, template_url: str) -> None:
    account.publish(child=CHILD, middle=parent(template_url, "Leaf"))
    middle = f"""
        Resources:
          Middle:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {template_url}/middle.yaml}}
    """
    top = account.create("top", middle)
    inner = account.child(top, "Middle")
    leaf = account.child(inner, "Leaf")
    described = {one["StackId"]: one for one in account.cloudformation.describe_stacks()["Stacks"]}
    listed = {one["StackId"]: one for one in account.cloudformation.list_stacks()["StackSummaries"]}
    for answers in (described, listed):
        family = {key: (one.get("ParentId"), one.get("RootId")) for key, one in answers.items()}
        assert family == {top: (None, None), inner: (top, top), leaf: (inner, top)}


def test_a_failed_resource_cancels_the_others_and_everything_is_rolled_back(account: Account) -> None:
    template = """
        Resources:
          Slow: {Type: AWS::SNS::Topic}
          Queue: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}
          Never: {Type: AWS::SQS::Queue, DependsOn: [Slow, Queue]}
    """
    account.pace(0.05)
    account.fail(Queue="no more queues")
    stack = account.create("fails", template)
    assert account.status(stack) == "ROLLBACK_COMPLETE"
    story = account.story(stack)
    assert re.fullmatch(f"Queue CREATE_FAILED {HANDLER}", account.story(stack, of="Queue")[2])
    assert account.story(stack, of="Queue")[3:] == ["Queue DELETE_IN_PROGRESS", "Queue DELETE_COMPLETE"]
    assert account.story(stack, of="Slow") == [
        "Slow CREATE_IN_PROGRESS",
        "Slow CREATE_IN_PROGRESS Resource creation Initiated",
        "Slow CREATE_FAILED Resource creation cancelled",
        "Slow DELETE_IN_PROGRESS",
        "Slow DELETE_COMPLETE",
    ]
    assert account.story(stack, of="Never") == []
    assert account.story(stack, of="stack") == [
        "stack CREATE_IN_PROGRESS User Initiated",
        "stack ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Queue, Slow]. "
        "Rollback requested by user.",
        "stack ROLLBACK_COMPLETE",
    ]
    assert story[-1] == "stack ROLLBACK_COMPLETE"
    assert account.client("sns").list_topics()["Topics"] == []


def test_a_resource_that_never_got_an_id_is_deleted_without_a_start(account: Account) -> None:
    template = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Topic.Nope}}
          Topic: {Type: AWS::SNS::Topic}
    """
    stack = account.create("early", template)
    assert account.story(stack, of="Queue") == [
        "Queue CREATE_IN_PROGRESS",
        "Queue CREATE_FAILED Requested attribute Nope does not exist in schema for AWS::SNS::Topic",
        "Queue DELETE_COMPLETE",
    ]


def test_a_failed_nested_stack_rolls_back_itself_and_then_fails_its_parent(
    account: Account, template_url: str
) -> None:
    account.publish(child=CHILD)
    account.fail(Note="no more queues")
    root = account.create("root", parent(template_url, "Left"))
    child = account.child(root, "Left")
    reason = "The following resource(s) failed to create: [Note]."
    assert account.story(child, of="stack") == [
        "stack CREATE_IN_PROGRESS User Initiated",
        f"stack ROLLBACK_IN_PROGRESS {reason}",
        "stack ROLLBACK_COMPLETE",
        "stack DELETE_IN_PROGRESS User Initiated",
        "stack DELETE_COMPLETE",
    ]
    assert account.story(root) == [
        "stack CREATE_IN_PROGRESS User Initiated",
        "Left CREATE_IN_PROGRESS",
        "Left CREATE_IN_PROGRESS Resource creation Initiated",
        f"Left CREATE_FAILED Embedded stack {child} was not successfully created: {reason}",
        "stack ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Left]. "
        "Rollback requested by user.",
        "Left DELETE_IN_PROGRESS",
        "Left DELETE_COMPLETE",
        "stack ROLLBACK_COMPLETE",
    ]
    failed = account.events(root)[3]["ResourceStatusReason"]
    assert failed.endswith("[Note]. ")
    assert account.client("ssm").describe_parameters()["Parameters"] == []


def test_a_nested_stack_in_flight_is_cancelled_with_what_is_in_it(
    account: Account, template_url: str
) -> None:
    slow = """
        Resources:
          Topic: {Type: AWS::SNS::Topic}
    """
    template = f"""
        Resources:
          Slow: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {template_url}/slow.yaml}}}}
          Note: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: x}}}}
    """
    account.publish(slow=slow)
    account.pace(0.1)
    account.fail(Note="no more queues")
    root = account.create("root", template)
    child = account.child(root, "Slow")
    assert account.story(root, of="Slow") == [
        "Slow CREATE_IN_PROGRESS",
        "Slow CREATE_IN_PROGRESS Resource creation Initiated",
        "Slow CREATE_FAILED Resource creation cancelled",
        "Slow DELETE_IN_PROGRESS",
        "Slow DELETE_COMPLETE",
    ]
    assert account.story(child, of="Topic")[2:] == [
        "Topic CREATE_FAILED Resource creation cancelled",
        "Topic DELETE_IN_PROGRESS",
        "Topic DELETE_COMPLETE",
    ]
    assert account.story(child, of="stack")[1:] == [
        "stack DELETE_IN_PROGRESS User Initiated",
        "stack DELETE_COMPLETE",
    ]


def test_with_rollback_disabled_the_rest_goes_on_and_a_later_rollback_removes_it(account: Account) -> None:
    template = """
        Resources:
          Topic: {Type: AWS::SNS::Topic}
          Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}
          Never: {Type: AWS::SQS::Queue, DependsOn: Note}
    """
    account.pace(0.02)
    account.fail(Note="no more queues")
    stack = account.create("kept", template, DisableRollback=True)
    assert account.status(stack) == "CREATE_FAILED"
    assert account.describe(stack)["StackStatusReason"].rstrip() == (
        "The following resource(s) failed to create: [Note]."
    )
    assert account.story(stack, of="Topic")[-1] == "Topic CREATE_COMPLETE"
    assert account.story(stack, of="Never") == []
    account.cloudformation.rollback_stack(StackName=stack)
    account.reaches(stack, "ROLLBACK_COMPLETE")
    assert account.client("sns").list_topics()["Topics"] == []


def test_a_stack_that_failed_with_rollback_disabled_can_be_repaired_by_an_update(account: Account) -> None:
    account.fail(Queue="no more queues")
    stack = account.create("kept", QUEUE, DisableRollback=True)
    account.heal()
    assert account.update(stack, QUEUE, DisableRollback=True) == "UPDATE_COMPLETE"
    assert account.story(stack, of="Queue")[-1] == "Queue CREATE_COMPLETE"
    assert len(account.queue_names()) == 1


def test_on_failure_delete_leaves_no_stack(account: Account) -> None:
    account.fail(Queue="no more queues")
    stack = account.create("gone", QUEUE, OnFailure="DELETE")
    assert account.story(stack, of="stack")[1:] == [
        "stack DELETE_IN_PROGRESS The following resource(s) failed to create: [Queue]. "
        "Delete requested by user.",
        "stack DELETE_COMPLETE",
    ]


@pytest.mark.parametrize(
    ("policy", "option", "kept"),
    [("Retain", False, True), ("Retain", True, False), ("RetainExceptOnCreate", False, False)],
)
def test_deletion_policies_hold_in_the_rollback_of_a_create(
    account: Account, policy: str, option: bool, kept: bool
) -> None:
    template = f"""
        Resources:
          Kept: {{Type: AWS::SQS::Queue, DeletionPolicy: {policy}, Properties: {{QueueName: kept}}}}
          Note: {{Type: AWS::SSM::Parameter, DependsOn: Kept, Properties: {{Type: String, Value: x}}}}
    """
    account.fail(Note="no more queues")
    stack = account.create("policy", template, RetainExceptOnCreate=option)
    assert account.status(stack) == "ROLLBACK_COMPLETE"
    assert account.story(stack, of="Kept")[-1] == f"Kept DELETE_{'SKIPPED' if kept else 'COMPLETE'}"
    assert account.queue_names() == ({"kept"} if kept else set())


def test_a_name_that_is_taken_is_refused_also_by_a_stack_that_was_rolled_back(account: Account) -> None:
    account.create("taken", QUEUE)
    account.fail(Queue="no more queues")
    account.create("rolled", QUEUE)
    for name in ("taken", "rolled"):
        with pytest.raises(ClientError) as refused:
            account.create(name, QUEUE)
        assert refused.value.response["Error"]["Code"] == "AlreadyExistsException"
        assert refused.value.response["Error"]["Message"] == f"Stack [{name}] already exists"


def test_deleting_a_stack_that_is_being_created_stops_the_create(account: Account) -> None:
    account.pace(5)
    stack = account.start("stopped", QUEUE)
    account.reaches(stack, "CREATE_IN_PROGRESS")
    account.cloudformation.delete_stack(StackName=stack)
    account.pace(0)
    assert account.settled(stack) == "DELETE_COMPLETE"
    assert account.story(stack)[3:] == [
        "stack DELETE_IN_PROGRESS User Initiated",
        "Queue CREATE_FAILED Resource creation cancelled",
        "Queue DELETE_IN_PROGRESS",
        "Queue DELETE_COMPLETE",
        "stack DELETE_COMPLETE",
    ]
    assert account.queue_names() == set()


def test_an_output_that_leads_nowhere_rolls_the_stack_back(account: Account) -> None:
    stack = account.create("output", QUEUE + "      Bad: {Value: !GetAtt Queue.Nope}\n")
    assert account.story(stack, of="stack")[1] == (
        "stack ROLLBACK_IN_PROGRESS Requested attribute Nope does not exist in schema for AWS::SQS::Queue. "
        "Rollback requested by user."
    )


@pytest.mark.parametrize(
    ("change", "names", "block"),
    [
        (("!Ref Queue", "!Ref Nothing"), "Nothing", "Outputs"),
        (("AWS::SQS::Queue}", "AWS::SQS::Queue, DependsOn: [Gone]}"), "Gone", "Resources"),
        (
            ("AWS::SQS::Queue}", "AWS::SQS::Queue, Properties: {QueueName: !Sub '${Away}'}}"),
            "Away",
            "Resources",
        ),
    ],
)
def test_references_to_what_is_not_declared_are_refused(
    account: Account, change: tuple[str, str], names: str, block: str
) -> None:
    with pytest.raises(ClientError) as refused:
        account.create("dangling", QUEUE.replace(*change))
    assert refused.value.response["Error"]["Message"] == (
        f"Template format error: Unresolved resource dependencies [{names}] in the {block} block of the "
        "template"
    )


def test_a_wait_condition_waits_for_its_signal(account: Account) -> None:
    template = """
        Resources:
          Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
          Wait:
            Type: AWS::CloudFormation::WaitCondition
            Properties: {Handle: !Ref Handle, Timeout: "30"}
    """
    stack = account.start("waits", template)
    wait_until(lambda: "Wait CREATE_IN_PROGRESS" in account.story(stack), what="the wait")
    url = next(
        event["PhysicalResourceId"] for event in account.events(stack)[3:] if event["PhysicalResourceId"]
    )
    signal = {"Status": "SUCCESS", "UniqueId": "one", "Reason": "done", "Data": "x"}
    request = urllib.request.Request(url, json.dumps(signal).encode(), {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request).close()
    assert account.settled(stack) == "CREATE_COMPLETE"
    assert "Wait CREATE_IN_PROGRESS Received SUCCESS signal with UniqueId one" in account.story(stack)


def test_the_reason_has_the_message_of_the_service_and_not_its_raw_answer(account: Account) -> None:
    account.client("ssm").put_parameter(Name="/taken", Type="String", Value="by hand")
    stack = account.create(
        "raw",
        "Resources:\n  P: {Type: AWS::SSM::Parameter, Properties: {Name: /taken, Type: String, Value: x}}",
    )

    (failed,) = [line for line in account.story(stack, of="P") if "CREATE_FAILED" in line]
    assert re.search(
        r'Resource handler returned message: ".*already exists.*\(Service: Ssm, Status Code: 400, '
        r'Request ID: [0-9a-f-]{36}\)" \(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: AlreadyExists\)',
        failed,
    )
