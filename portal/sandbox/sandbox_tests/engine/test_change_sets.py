"""Change sets: review, execute and delete them, including the one of each nested stack."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until

NOTE = """
    Parameters:
      Text: {Type: String, Default: one}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /note, Value: !Ref Text}}
"""
NETWORK = """
    Resources:
      Topic: {Type: AWS::SNS::Topic}
    Outputs:
      Arn: {Value: !Ref Topic}
"""
SERVICE = """
    Parameters:
      Arn: {Type: String}
      Size: {Type: String}
    Resources:
      Note:
        Type: AWS::SSM::Parameter
        Properties: {Type: String, Name: /service, Value: !Sub "${Size} ${Arn}"}
"""


def root_template(url: str, size: str = "1") -> str:
    return f"""
        Resources:
          Network: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}/network.yaml}}}}
          Service:
            Type: AWS::CloudFormation::Stack
            Properties:
              TemplateURL: {url}/service.yaml
              Parameters: {{Arn: !GetAtt Network.Outputs.Arn, Size: "{size}"}}
    """


def make(
    account: Account, stack: str, template: str, *, name: str = "review", **options: Any
) -> dict[str, Any]:
    """Create a change set, wait until its creation ends, and describe it."""
    made = account.cloudformation.create_change_set(
        StackName=stack, ChangeSetName=name, TemplateBody=textwrap.dedent(template), **options
    )
    return done(account, made["Id"])


def done(account: Account, change_set_id: str) -> dict[str, Any]:
    """Wait until the creation of a change set ends; return its description with values before and after."""
    describe = account.cloudformation.describe_change_set
    wait_until(lambda: not describe(ChangeSetName=change_set_id)["Status"].endswith("_IN_PROGRESS"))
    found: dict[str, Any] = describe(ChangeSetName=change_set_id, IncludePropertyValues=True)
    return found


def changes(change_set: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in change_set["Changes"]
    }


def why(account: Account, review: dict[str, Any]) -> str:
    """Return the reason of the nested change set that a failed change set points to."""
    pointer = re.fullmatch(
        r"Nested change set (arn:\S+) was not successfully created: Currently in FAILED\.",
        review["StatusReason"],
    )
    assert pointer
    return str(done(account, pointer[1])["StatusReason"])


def execute(account: Account, change_set: dict[str, Any], **options: Any) -> str:
    account.cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"], **options)
    return account.settled(change_set["StackId"])


def test_a_change_set_of_type_create_makes_a_stack_in_review_and_executing_it_creates_the_stack(
    account: Account,
) -> None:
    review = make(account, "new", NOTE, ChangeSetType="CREATE", Description="first")
    assert (review["Status"], review["ExecutionStatus"], review["Description"]) == (
        "CREATE_COMPLETE",
        "AVAILABLE",
        "first",
    )
    assert account.status("new") == "REVIEW_IN_PROGRESS"
    assert changes(review)["Note"]["Action"] == "Add"
    account.cloudformation.execute_change_set(ChangeSetName="review", StackName="new")
    assert account.settled("new") == "CREATE_COMPLETE"
    assert account.story("new") == [
        "stack REVIEW_IN_PROGRESS User Initiated",
        "stack CREATE_IN_PROGRESS User Initiated",
        "Note CREATE_IN_PROGRESS",
        "Note CREATE_IN_PROGRESS Resource creation Initiated",
        "Note CREATE_COMPLETE",
        "stack CREATE_COMPLETE",
    ]
    executed = account.cloudformation.describe_change_set(ChangeSetName="review", StackName="new")
    assert executed["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert account.describe("new")["ChangeSetId"] == review["ChangeSetId"]


def test_a_change_set_takes_a_while(account: Account) -> None:
    account.pace(10)
    made = account.cloudformation.create_change_set(
        StackName="new", ChangeSetName="review", ChangeSetType="CREATE", TemplateBody=textwrap.dedent(NOTE)
    )
    described = account.cloudformation.describe_change_set(ChangeSetName=made["Id"])
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_IN_PROGRESS", "UNAVAILABLE")
    with pytest.raises(ClientError, match=r"current status of \[CREATE_IN_PROGRESS\]"):
        account.cloudformation.execute_change_set(ChangeSetName=made["Id"])
    account.pace(0)
    assert done(account, made["Id"])["Status"] == "CREATE_COMPLETE"


def test_an_update_change_set_tells_what_changes_from_what_to_what(account: Account) -> None:
    stack = account.create("old", NOTE)
    review = make(account, stack, NOTE, Parameters=[{"ParameterKey": "Text", "ParameterValue": "two"}])
    change = changes(review)["Note"]
    assert (change["Action"], change["Replacement"], change["Scope"]) == ("Modify", "False", ["Properties"])
    target = change["Details"][0]["Target"]
    assert (target["Name"], target["BeforeValue"], target["AfterValue"]) == ("Value", "one", "two")
    assert json.loads(change["BeforeContext"])["Properties"]["Value"] == "one"
    assert json.loads(change["AfterContext"])["Properties"]["Value"] == "two"
    assert execute(account, review) == "UPDATE_COMPLETE"
    assert account.parameter("/note") == "two"


def test_a_replacement_and_a_removal_are_told(account: Account) -> None:
    queues = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
          Topic: {Type: AWS::SNS::Topic}
    """
    stack = account.create("old", queues % "old")
    review = make(account, stack, (queues % "new").replace("Topic: {Type: AWS::SNS::Topic}", ""))
    assert changes(review)["Queue"]["Replacement"] == "True"
    assert changes(review)["Topic"]["Action"] == "Remove"


def test_a_change_set_without_changes_fails(account: Account) -> None:
    stack = account.create("old", NOTE)
    review = make(account, stack, NOTE)
    assert (review["Status"], review["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert review["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError) as refused:
        account.cloudformation.execute_change_set(ChangeSetName=review["ChangeSetId"])
    assert refused.value.response["Error"]["Code"] == "InvalidChangeSetStatus"


def test_nested_stacks_get_change_sets_of_their_own_when_the_root_is_created(
    account: Account, template_url: str
) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    review = make(
        account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    assert review["IncludeNestedStacks"] is True
    root_id = review["ChangeSetId"]
    nested = {name: done(account, change["ChangeSetId"]) for name, change in changes(review).items()}
    assert set(nested) == {"Network", "Service"}
    for child in nested.values():
        assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (root_id, root_id)
        assert (child["Status"], child["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
        assert account.status(child["StackId"]) == "REVIEW_IN_PROGRESS"
        assert account.describe(child["StackId"])["ParentId"] == review["StackId"]
    after = json.loads(changes(nested["Service"])["Note"]["AfterContext"])
    assert after["Properties"]["Value"] == "1 {{changeSet:KNOWN_AFTER_APPLY}}"
    with pytest.raises(ClientError, match="must be executed from its root change set"):
        account.cloudformation.execute_change_set(ChangeSetName=nested["Service"]["ChangeSetId"])

    # The reviewed templates are used, although other ones have been uploaded to the same URLs since.
    account.publish(network=NETWORK.replace("Topic:", "Other:").replace("!Ref Topic", "!Ref Other"))
    assert execute(account, review, ClientRequestToken="go") == "CREATE_COMPLETE"
    network = nested["Network"]["StackId"]
    assert account.child(review["StackId"], "Network") == network
    assert account.story(network) == [
        "stack REVIEW_IN_PROGRESS User Initiated",
        "stack CREATE_IN_PROGRESS User Initiated",
        "Topic CREATE_IN_PROGRESS",
        "Topic CREATE_IN_PROGRESS Resource creation Initiated",
        "Topic CREATE_COMPLETE",
        "stack CREATE_COMPLETE",
    ]
    assert {event.get("ClientRequestToken") for event in account.events(network)[1:]} == {"go"}
    child = account.cloudformation.describe_change_set(ChangeSetName=nested["Network"]["ChangeSetId"])
    assert child["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert str(account.parameter("/service")).startswith("1 arn:aws:sns:")


def test_nested_change_sets_of_an_update_only_list_what_changes(account: Account, template_url: str) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    stack = account.create("root", root_template(template_url))
    review = make(account, stack, root_template(template_url, "2"), IncludeNestedStacks=True)
    assert set(changes(review)) == {"Service"}
    child = done(account, changes(review)["Service"]["ChangeSetId"])
    assert changes(child)["Note"]["Details"][0]["Target"]["Name"] == "Value"
    assert account.status(child["StackId"]) == "CREATE_COMPLETE"
    assert execute(account, review) == "UPDATE_COMPLETE"
    assert str(account.parameter("/service")).startswith("2 arn:")


def test_a_nested_template_that_changed_alone_is_listed(account: Account, template_url: str) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    template = root_template(template_url)
    stack = account.create("root", template)
    nothing = make(account, stack, template, IncludeNestedStacks=True, name="nothing")
    assert nothing["Status"] == "FAILED"
    account.publish(network=NETWORK.replace("Topic:", "More: {Type: AWS::SQS::Queue}\n      Topic:"))
    review = make(account, stack, template, IncludeNestedStacks=True)
    change = changes(review)["Network"]
    assert [detail["ChangeSource"] for detail in change["Details"]] == ["Automatic"]
    assert changes(done(account, change["ChangeSetId"]))["More"]["Action"] == "Add"
    assert execute(account, review) == "UPDATE_COMPLETE"
    assert len(account.queue_names()) == 1


def test_without_nested_change_sets_every_nested_stack_may_change(
    account: Account, template_url: str
) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    stack = account.create("root", root_template(template_url))
    review = make(account, stack, root_template(template_url))
    assert {
        name: [detail["ChangeSource"] for detail in change["Details"]]
        for name, change in changes(review).items()
    } == {"Network": ["Automatic"], "Service": ["ResourceAttribute", "Automatic"]}


def test_a_nested_template_that_is_missing_fails_the_change_set(account: Account, template_url: str) -> None:
    account.publish(network=NETWORK)
    review = make(
        account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    assert review["Status"] == "FAILED"
    assert why(account, review).startswith("S3 error: The specified key does not exist.")


def test_nested_change_sets_want_the_capabilities_too(account: Account, template_url: str) -> None:
    role = """
        Resources:
          Role:
            Type: AWS::IAM::Role
            Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
    """
    account.publish(network=role)
    template = root_template(template_url).split("Service:")[0]
    review = make(account, "root", template, ChangeSetType="CREATE", IncludeNestedStacks=True)
    assert why(account, review) == "Requires capabilities : [CAPABILITY_IAM]"
    with pytest.raises(ClientError) as refused:
        make(account, "plain", role, ChangeSetType="CREATE")
    assert refused.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"


def test_deleting_a_change_set_takes_the_nested_ones_and_their_empty_stacks(
    account: Account, template_url: str
) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    review = make(
        account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    children = [change["ChangeSetId"] for change in changes(review).values()]
    with pytest.raises(ClientError, match="must be deleted from its root change set"):
        account.cloudformation.delete_change_set(ChangeSetName=children[0])
    account.pace(5)
    account.cloudformation.delete_change_set(ChangeSetName="review", StackName="root")
    account.cloudformation.delete_change_set(ChangeSetName="review", StackName="root")
    describe = account.cloudformation.describe_change_set
    assert [describe(ChangeSetName=one)["Status"] for one in (review["ChangeSetId"], *children)] == (
        ["DELETE_PENDING"] * 3
    )
    account.pace(0)
    gone_from = account.cloudformation.list_change_sets
    wait_until(lambda: not gone_from(StackName=review["StackId"])["Summaries"])
    for change_set in (review["ChangeSetId"], *children):
        with pytest.raises(ClientError) as gone:
            account.cloudformation.describe_change_set(ChangeSetName=change_set)
        assert gone.value.response["Error"]["Code"] == "ChangeSetNotFound"
    assert [one["StackStatus"] for one in account.cloudformation.describe_stacks()["Stacks"]] == [
        "REVIEW_IN_PROGRESS"
    ]


def test_a_stack_in_review_is_deleted_with_everything_that_was_planned(
    account: Account, template_url: str
) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    review = make(
        account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    assert account.delete(review["StackId"]) == "DELETE_COMPLETE"
    assert account.cloudformation.describe_stacks()["Stacks"] == []
    make(account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True)


def test_a_second_change_set_for_a_stack_in_review_belongs_to_the_same_stack(account: Account) -> None:
    first = make(account, "new", NOTE, ChangeSetType="CREATE")
    second = make(account, "new", NOTE, ChangeSetType="CREATE", name="other")
    assert second["StackId"] == first["StackId"]
    listed = account.cloudformation.list_change_sets(StackName="new")["Summaries"]
    assert {one["ChangeSetName"] for one in listed} == {"review", "other"}
    assert execute(account, second) == "CREATE_COMPLETE"
    listed = account.cloudformation.list_change_sets(StackName="new")["Summaries"]
    assert {one["ChangeSetName"] for one in listed} == {"other"}


def test_a_stack_that_exists_cannot_be_created_by_a_change_set(account: Account) -> None:
    account.create("old", NOTE)
    with pytest.raises(ClientError) as refused:
        make(account, "old", NOTE, ChangeSetType="CREATE")
    assert refused.value.response["Error"]["Message"] == (
        "Stack [old] already exists and cannot be created again with the changeSet [review]."
    )


def test_a_direct_update_makes_change_sets_obsolete(account: Account) -> None:
    stack = account.create("old", NOTE)
    two = [{"ParameterKey": "Text", "ParameterValue": "two"}]
    review = make(account, stack, NOTE, Parameters=two)
    account.update(stack, NOTE, Parameters=two)
    described = account.cloudformation.describe_change_set(ChangeSetName=review["ChangeSetId"])
    assert described["ExecutionStatus"] == "OBSOLETE"


def test_on_stack_failure_is_honoured(account: Account) -> None:
    account.fail(Note="no more notes")
    for choice, status in (("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")):
        review = make(account, f"new-{choice[:2]}", NOTE, ChangeSetType="CREATE", OnStackFailure=choice)
        assert execute(account, review) == status


def test_a_failed_create_from_a_change_set_leaves_no_planned_stacks(
    account: Account, template_url: str
) -> None:
    account.publish(network=NETWORK, service=SERVICE)
    account.fail(Topic="no more topics")
    review = make(
        account, "root", root_template(template_url), ChangeSetType="CREATE", IncludeNestedStacks=True
    )
    assert execute(account, review) == "ROLLBACK_COMPLETE"
    described = account.cloudformation.describe_stacks()["Stacks"]
    assert [one["StackStatus"] for one in described] == ["ROLLBACK_COMPLETE"]
    found = account.cloudformation.describe_change_set(ChangeSetName=review["ChangeSetId"])
    assert found["ExecutionStatus"] == "EXECUTE_FAILED"
