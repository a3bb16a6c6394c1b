"""Updating stacks: changed and unchanged resources, cleanup, rollback, and nested stacks at every depth."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account

NOTE = """
    Parameters:
      Text: {Type: String, Default: one}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /note, Value: !Ref Text}}
      Other: {Type: AWS::SQS::Queue}
    Outputs:
      Text: {Value: !GetAtt Note.Value}
"""
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def with_text(text: str) -> dict[str, list[dict[str, str]]]:
    return {"Parameters": [{"ParameterKey": "Text", "ParameterValue": text}]}


def test_only_what_changes_tells_of_it(account: Account) -> None:
    stack = account.create("quiet", NOTE)
    seen = len(account.events(stack))
    assert account.update(stack, NOTE, **with_text("two")) == "UPDATE_COMPLETE"
    assert account.story(stack, since=seen) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_COMPLETE",
    ]
    assert account.parameter("/note") == "two"
    assert account.outputs(stack) == {"Text": "two"}


def test_an_update_without_changes_is_refused(account: Account) -> None:
    account.create("same", NOTE)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        account.update("same", NOTE)


def test_a_stack_that_was_rolled_back_cannot_be_updated(account: Account) -> None:
    account.fail(Note="no more notes")
    stack = account.create("rolled", NOTE)
    with pytest.raises(ClientError) as refused:
        account.update(stack, NOTE, **with_text("two"))
    assert refused.value.response["Error"]["Message"] == (
        f"Stack:{stack} is in ROLLBACK_COMPLETE state and can not be updated."
    )


def test_another_type_under_a_name_is_refused(account: Account) -> None:
    account.create("typed", NOTE)
    with pytest.raises(ClientError) as refused:
        account.update("typed", NOTE.replace("AWS::SQS::Queue", "AWS::SNS::Topic"))
    assert "modifies resource type of the following resources: [Other]" in str(refused.value)


def test_resources_are_added_and_removed_those_that_go_in_the_clean_up(account: Account) -> None:
    stack = account.create("change", NOTE)
    seen = len(account.events(stack))
    account.update(stack, NOTE.replace("Other: {Type: AWS::SQS::Queue}", "New: {Type: AWS::SNS::Topic}"))
    assert account.story(stack, since=seen) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "New CREATE_IN_PROGRESS",
        "New CREATE_IN_PROGRESS Resource creation Initiated",
        "New CREATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Other DELETE_IN_PROGRESS",
        "Other DELETE_COMPLETE",
        "stack UPDATE_COMPLETE",
    ]
    assert account.queue_names() == set()
    listed = account.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    assert {one["LogicalResourceId"] for one in listed} == {"Note", "New"}


def test_an_update_succeeds_though_its_clean_up_cannot_delete_something(account: Account) -> None:
    stack = account.create("clean", NOTE)
    account.fail(**{"delete:Other": "busy"})
    less = NOTE.replace("Other: {Type: AWS::SQS::Queue}", "")
    assert account.update(stack, less) == "UPDATE_COMPLETE"
    attempts = account.story(stack, of="Other")[-6:]
    assert attempts[::2] == ["Other DELETE_IN_PROGRESS"] * 3
    assert all(one.startswith("Other DELETE_FAILED Resource handler returned") for one in attempts[1::2])
    assert account.story(stack)[-1] == (
        "stack UPDATE_COMPLETE Update successful. One or more resources could not be deleted."
    )
    listed = account.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    assert {one["LogicalResourceId"] for one in listed} == {"Note"}
    account.heal()
    assert account.delete(stack) == "DELETE_COMPLETE"
    assert account.queue_names()  # nothing deletes what has left the stack


GROUPS = """
    Resources:
      Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
      Named: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: named, VpcId: !Ref Vpc}}
      Naming:
        Type: AWS::EC2::SecurityGroup
        DependsOn: Unused
        Properties:
          GroupDescription: naming
          VpcId: !Ref Vpc
          SecurityGroupIngress:
            - {IpProtocol: tcp, FromPort: 80, ToPort: 80, SourceSecurityGroupId: !GetAtt Named.GroupId}
      Unused: {Type: AWS::SQS::Queue}
"""


def test_a_clean_up_also_attempts_to_delete_what_a_remaining_resource_depends_on(account: Account) -> None:
    """https://repost.aws/knowledge-center/cloudformation-stack-cleanup-stuck"""
    stack = account.create("clean", GROUPS)
    assert account.status(stack) == "CREATE_COMPLETE", account.story(stack)
    account.fail(**{"delete:Naming": "busy"})
    assert account.update(stack, GROUPS.split("      Named:")[0]) == "UPDATE_COMPLETE"
    assert account.story(stack, of="Naming")[-1].startswith("Naming DELETE_FAILED")
    assert account.story(stack, of="Unused")[-1] == "Unused DELETE_COMPLETE"
    why = account.story(stack, of="Named")[-1]
    assert why.startswith("Named DELETE_FAILED")
    assert "has a dependent object" in why
    listed = account.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    assert {one["LogicalResourceId"] for one in listed} == {"Vpc"}
    found = account.client("ec2").describe_security_groups()["SecurityGroups"]
    assert {"named", "naming"} <= {one["Description"] for one in found}


def test_a_replaced_resource_gets_a_successor_before_its_predecessor_goes(account: Account) -> None:
    queue = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
        Outputs:
          Url: {Value: !Ref Queue}
    """
    stack = account.create("replace", queue % "old")
    old = account.outputs(stack)["Url"]
    seen = len(account.events(stack))
    account.update(stack, queue % "new")
    assert account.story(stack, since=seen) == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        f"Queue UPDATE_IN_PROGRESS {REPLACING}",
        "Queue UPDATE_IN_PROGRESS Resource creation Initiated",
        "Queue UPDATE_COMPLETE",
        "stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Queue DELETE_IN_PROGRESS",
        "Queue DELETE_COMPLETE",
        "stack UPDATE_COMPLETE",
    ]
    assert account.events(stack)[seen + 5]["PhysicalResourceId"] == old
    assert account.queue_names() == {"new"}
    assert account.outputs(stack)["Url"].endswith("/new")


def test_update_replace_policy_keeps_a_predecessor(account: Account) -> None:
    queue = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, UpdateReplacePolicy: Retain, Properties: {QueueName: %s}}
    """
    stack = account.create("replace", queue % "old")
    account.update(stack, queue % "new")
    assert account.story(stack, of="Queue")[-1] == "Queue DELETE_SKIPPED"
    assert account.queue_names() == {"old", "new"}


def test_a_failed_update_goes_back_to_what_was(account: Account) -> None:
    template = NOTE + "      Id: {Value: !Ref Other}\n"
    stack = account.create("back", template)
    before = account.describe(stack)
    seen = len(account.events(stack))
    changed = template.replace(
        "Other: {Type: AWS::SQS::Queue}", "New: {Type: AWS::SNS::Topic, DependsOn: Note}"
    )
    account.fail(New="no more topics")
    changed = changed.replace("!Ref Other", "!Ref New")
    assert account.update(stack, changed, **with_text("two")) == "UPDATE_ROLLBACK_COMPLETE"
    story = account.story(stack, since=seen)
    assert re.match("New CREATE_FAILED Resource handler returned message", story.pop(5))
    assert story == [
        "stack UPDATE_IN_PROGRESS User Initiated",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "New CREATE_IN_PROGRESS",
        "New CREATE_IN_PROGRESS Resource creation Initiated",
        "stack UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [New].",
        "Note UPDATE_IN_PROGRESS",
        "Note UPDATE_COMPLETE",
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "New DELETE_IN_PROGRESS",
        "New DELETE_COMPLETE",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]
    after = account.describe(stack)
    assert (after["Parameters"], after["Outputs"]) == (before["Parameters"], before["Outputs"])
    assert account.parameter("/note") == "one"
    assert "AWS::SQS::Queue" in str(account.cloudformation.get_template(StackName=stack)["TemplateBody"])
    assert account.client("sns").list_topics()["Topics"] == []


def test_an_update_in_flight_is_cancelled_when_another_fails(account: Account) -> None:
    template = """
        Resources:
          Slow: {Type: AWS::SNS::Topic, Properties: {DisplayName: %s}}
          Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s}}
    """
    stack = account.create("both", template % ("a", "a"))
    seen = len(account.events(stack))
    account.pace(0.2)
    account.fail(**{"update:Note": "no more notes"})
    assert account.update(stack, template % ("b", "b")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Slow UPDATE_FAILED Resource update cancelled" in account.story(stack, since=seen)
    assert (
        "stack UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Note, Slow]."
        in account.story(stack, since=seen)
    )


def test_cancelling_an_update_rolls_it_back(account: Account) -> None:
    stack = account.create("cancel", NOTE)
    account.pace(5)
    account.cloudformation.update_stack(
        StackName=stack, UsePreviousTemplate=True, ClientRequestToken="change", **with_text("two")
    )
    account.reaches(stack, "UPDATE_IN_PROGRESS")
    account.cloudformation.cancel_update_stack(StackName=stack, ClientRequestToken="no")
    account.pace(0)
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    rolled = [e for e in account.events(stack) if e["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert [(one["ResourceStatusReason"], one["ClientRequestToken"]) for one in rolled] == [
        ("User Initiated", "no")
    ]
    assert account.parameter("/note") == "one"


def test_with_rollback_disabled_an_update_stays_failed_until_it_is_rolled_back(account: Account) -> None:
    stack = account.create("kept", NOTE)
    account.fail(**{"update:Note": "no more notes"})
    assert account.update(stack, NOTE, DisableRollback=True, **with_text("two")) == "UPDATE_FAILED"
    account.heal()
    account.cloudformation.rollback_stack(StackName=stack)
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.parameters(stack) == {"Text": "one"}


def test_a_rollback_that_fails_can_be_continued_or_told_what_to_skip(account: Account) -> None:
    template = NOTE + "      Last: {Value: x}\n"
    stack = account.create("stuck", template)
    changed = template.replace(
        "Other: {Type: AWS::SQS::Queue}", "New: {Type: AWS::SNS::Topic, DependsOn: Note}"
    )
    account.fail(New="no more topics", **{"rollback:Note": "cannot go back"})
    assert account.update(stack, changed, **with_text("two")) == "UPDATE_ROLLBACK_FAILED"
    assert account.describe(stack)["StackStatusReason"] == (
        "The following resource(s) failed to update: [Note]. "
    )
    account.cloudformation.continue_update_rollback(StackName=stack)
    assert account.settled(stack) == "UPDATE_ROLLBACK_FAILED"
    account.cloudformation.continue_update_rollback(StackName=stack, ResourcesToSkip=["Note"])
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.parameter("/note") == "two"


def test_stack_tags_reach_the_resources(account: Account) -> None:
    stack = account.create("tags", NOTE, Tags=[{"Key": "team", "Value": "red"}])
    account.update(stack, NOTE, Tags=[{"Key": "team", "Value": "blue"}])
    tags = account.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/note")
    assert {"Key": "team", "Value": "blue"} in tags["TagList"]


def test_a_replacement_in_an_update_whose_rollback_is_stuck_leaves_nothing_behind(account: Account) -> None:
    template = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
          Note: {Type: AWS::SSM::Parameter, DependsOn: Queue, Properties: {Type: String, Value: %s}}
          Last: {Type: AWS::SSM::Parameter, DependsOn: Note, Properties: {Type: String, Value: %s}}
    """
    stack = account.create("failed", template % ("old", "a", "a"))
    account.fail(**{"update:Last": "no more notes", "rollback:Note": "cannot go back"})
    assert account.update(stack, template % ("new", "b", "b")) == "UPDATE_ROLLBACK_FAILED"
    assert account.queue_names() == {"old", "new"}
    account.heal()
    assert account.delete(stack) == "DELETE_COMPLETE"
    assert account.queue_names() == set()
