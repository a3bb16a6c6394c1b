"""Client request tokens: a request that is sent twice is carried out once and gets the same response."""

from __future__ import annotations

import textwrap

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account

NOTE = """
    Parameters:
      Text: {Type: String, Default: one}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /note, Value: !Ref Text}}
"""
TWO = [{"ParameterKey": "Text", "ParameterValue": "two"}]


def test_a_repeated_create_answers_with_the_same_stack(account: Account) -> None:
    first = account.create("once", NOTE, ClientRequestToken="create-1")
    assert account.start("once", NOTE, ClientRequestToken="create-1") == first
    assert account.story(first).count("Note CREATE_COMPLETE") == 1
    with pytest.raises(ClientError, match="already exists"):
        account.start("once", NOTE, ClientRequestToken="create-2")


def test_a_repeated_update_changes_nothing_more(account: Account) -> None:
    stack = account.create("once", NOTE)
    for _ in range(2):
        account.update(stack, NOTE, Parameters=TWO, ClientRequestToken="update-1")
    assert account.story(stack).count("Note UPDATE_COMPLETE") == 1
    account.cloudformation.update_stack(
        StackName=stack, UsePreviousTemplate=True, ClientRequestToken="update-1"
    )


def test_a_repeated_delete_is_answered_while_and_after_it_is_carried_out(account: Account) -> None:
    stack = account.create("once", NOTE)
    account.pace(3)
    for _ in range(2):
        account.cloudformation.delete_stack(StackName="once", ClientRequestToken="delete-1")
    account.pace(0)
    account.settled(stack)
    account.cloudformation.delete_stack(StackName=stack, ClientRequestToken="delete-1")
    account.cloudformation.delete_stack(StackName="once", ClientRequestToken="delete-1")
    assert account.story(stack).count("stack DELETE_IN_PROGRESS User Initiated") == 1


def test_a_repeated_change_set_is_the_same_change_set(account: Account) -> None:
    request = {
        "StackName": "once",
        "ChangeSetName": "review",
        "ChangeSetType": "CREATE",
        "TemplateBody": textwrap.dedent(NOTE),
    }
    first = account.cloudformation.create_change_set(**request, ClientToken="make-1")
    again = account.cloudformation.create_change_set(**request, ClientToken="make-1")
    assert (again["Id"], again["StackId"]) == (first["Id"], first["StackId"])
    with pytest.raises(ClientError) as refused:
        account.cloudformation.create_change_set(**request, ClientToken="make-2")
    assert refused.value.response["Error"]["Code"] == "AlreadyExistsException"


def test_a_repeated_execution_is_answered_while_and_after_it_is_carried_out(account: Account) -> None:
    made = account.cloudformation.create_change_set(
        StackName="once", ChangeSetName="review", ChangeSetType="CREATE", TemplateBody=textwrap.dedent(NOTE)
    )
    account.cloudformation.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1}
    )
    account.pace(3)
    for _ in range(2):
        account.cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="go-1")
    account.pace(0)
    assert account.settled(made["StackId"]) == "CREATE_COMPLETE"
    account.cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="go-1")
    assert account.story(made["StackId"]).count("stack CREATE_COMPLETE") == 1
    with pytest.raises(ClientError, match=r"current execution status of \[EXECUTE_COMPLETE\]"):
        account.cloudformation.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="go-2")


def test_a_token_is_not_good_for_two_different_operations(account: Account) -> None:
    stack = account.create("once", NOTE, ClientRequestToken="same")
    with pytest.raises(ClientError) as refused:
        account.cloudformation.delete_stack(StackName=stack, ClientRequestToken="same")
    assert refused.value.response["Error"]["Code"] == "TokenAlreadyExistsException"


def test_events_carry_the_token_of_their_operation_also_in_nested_stacks(
    account: Account, template_url: str
) -> None:
    account.publish(note=NOTE)
    template = f"""
        Resources:
          Nested: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {template_url}/note.yaml}}}}
    """
    root = account.create("root", template, ClientRequestToken="create")
    child = account.child(root, "Nested")
    account.delete(root, ClientRequestToken="delete")
    for stack in (root, child):
        tokens = [event["ClientRequestToken"] for event in account.events(stack)]
        deletes = [event["ResourceStatus"].startswith("DELETE") for event in account.events(stack)]
        assert tokens == ["delete" if deleted else "create" for deleted in deletes]
