"""DisableRollback: resources kept after a failure, how the stack continues, and how it is rolled back.

Sources: stack-failure-options.html in CloudFormation's user guide, API_RollbackStack, and
https://github.com/aws/aws-cdk/issues/30546 for the two refusals.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import changes, execute, make

CHAIN = """
    Parameters:
      Text: {Type: String, Default: one}
    Resources:
      First: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /first, Value: !Ref Text}}
      Second:
        Type: AWS::SSM::Parameter
        DependsOn: First
        Properties: {Type: String, Name: /second, Value: !Ref Text}
      Beside: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /beside, Value: !Ref Text}}
"""
TWO = {"Parameters": [{"ParameterKey": "Text", "ParameterValue": "two"}]}
THREE = {"Parameters": [{"ParameterKey": "Text", "ParameterValue": "three"}]}


def nested(url: str) -> str:
    return f"""
        Parameters:
          Text: {{Type: String, Default: one}}
        Resources:
          Nested:
            Type: AWS::CloudFormation::Stack
            Properties: {{TemplateURL: {url}/chain.yaml, Parameters: {{Text: !Ref Text}}}}
          Own: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Name: /own, Value: !Ref Text}}}}
    """


def test_a_replacement_is_refused_while_the_rollback_is_disabled(account: Account) -> None:
    template = """
        Resources:
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
          Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: %s}}
    """
    stack = account.create("replaced", template % ("old", "10.1.0.0/16"))
    assert account.update(stack, template % ("new", "10.2.0.0/16"), DisableRollback=True) == "UPDATE_FAILED"
    refusal = "UPDATE_FAILED Replacement type updates not supported on stack with disable-rollback."
    assert account.story(stack, of="Queue")[-1] == f"Queue {refusal}"
    assert account.story(stack, of="Vpc")[-1] == f"Vpc {refusal}"
    assert account.queue_names() == {"old"}
    account.cloudformation.rollback_stack(StackName=stack)
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_kept_stack_is_updated_only_with_the_rollback_disabled(account: Account) -> None:
    account.fail(Second="no more notes")
    stack = account.create("kept", CHAIN, DisableRollback=True)
    assert account.status(stack) == "CREATE_FAILED"
    account.heal()
    refusal = (
        r"non-terminal \[CREATE_FAILED\] state. To update the stack from this state, please use the disable"
    )
    with pytest.raises(ClientError, match=refusal):
        account.update(stack, CHAIN)
    review = make(account, stack, CHAIN)
    assert {name: one["Action"] for name, one in changes(review).items()} == {"Second": "Add"}
    with pytest.raises(ClientError, match=refusal):
        account.cloudformation.execute_change_set(ChangeSetName=review["ChangeSetId"])
    seen = len(account.events(stack))
    assert execute(account, review, DisableRollback=True) == "UPDATE_COMPLETE"
    assert not account.story(stack, of="First", since=seen)  # it was complete and stays untouched
    assert account.parameter("/second") == "one"


def test_a_nested_stack_whose_creation_failed_goes_on_where_it_stopped(
    account: Account, template_url: str
) -> None:
    account.publish(chain=CHAIN)
    account.fail(Second="no more notes")
    stack = account.create("kept", nested(template_url), DisableRollback=True)
    child = account.child(stack, "Nested")
    assert (account.status(stack), account.status(child)) == ("CREATE_FAILED", "CREATE_FAILED")
    account.heal()
    seen = len(account.events(child))
    review = make(account, stack, nested(template_url), IncludeNestedStacks=True)
    assert changes(review)["Nested"]["Action"] == "Modify"
    assert execute(account, review, DisableRollback=True) == "UPDATE_COMPLETE"
    assert account.child(stack, "Nested") == child
    assert not account.story(child, of="First", since=seen)
    assert account.parameter("/second") == "one"


def test_several_failures_are_rolled_back_to_the_last_complete_state(
    account: Account, template_url: str
) -> None:
    account.publish(chain=CHAIN)
    stack = account.create("kept", nested(template_url))
    account.fail(**{"update:Second": "no"})
    assert account.update(stack, nested(template_url), DisableRollback=True, **TWO) == "UPDATE_FAILED"
    assert account.update(stack, nested(template_url), DisableRollback=True, **THREE) == "UPDATE_FAILED"
    assert account.parameter("/first") == account.parameter("/own") == "three"
    account.heal()
    seen = len(account.events(stack))
    account.cloudformation.rollback_stack(StackName=stack)
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert {name: account.parameter(f"/{name}") for name in ("first", "second", "beside", "own")} == {
        "first": "one",
        "second": "one",
        "beside": "one",
        "own": "one",
    }
    assert account.parameters(stack) == {"Text": "one"}
    assert [line for line in account.story(stack, of="stack", since=seen) if "COMPLETE" in line] == [
        "stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "stack UPDATE_ROLLBACK_COMPLETE",
    ]


def test_without_a_complete_state_everything_is_deleted_also_after_a_second_attempt(
    account: Account, template_url: str
) -> None:
    account.publish(chain=CHAIN)
    account.fail(Second="no more notes")
    stack = account.create("kept", nested(template_url), DisableRollback=True)
    assert account.update(stack, nested(template_url), DisableRollback=True, **TWO) == "UPDATE_FAILED"
    account.cloudformation.rollback_stack(StackName=stack)
    assert account.settled(stack) == "ROLLBACK_COMPLETE"
    for name in ("first", "second", "beside", "own"):
        assert account.parameter(f"/{name}") is None
    last = account.describe(stack)["LastOperations"]
    assert last[0]["OperationType"] == "ROLLBACK"
