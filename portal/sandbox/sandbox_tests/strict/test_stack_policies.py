"""Stack policies keep an update from resources.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import made
from sandbox_tests.strict.reasons import failures

QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s, DelaySeconds: %s}}
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: %s}}
"""
ANYTHING = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}


def policy(**statement: Any) -> str:
    """Return a policy that denies what the statement says, and allows everything else."""
    return json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", **statement}, ANYTHING]})


def denied(action: str) -> str:
    return (
        f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource "
        "[LogicalResourceId/Queue];"
    )


@pytest.fixture
def stack(account: Account) -> str:
    """A stack whose queue may be modified, but neither replaced nor deleted."""
    stack = made(account, "kept", QUEUE % ("old", 1, "a"))
    kept = policy(Action=["Update:Replace", "Update:Delete"], Resource="LogicalResourceId/Que*")
    account.cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=kept)
    return stack


def test_an_update_does_not_replace_what_the_stack_policy_keeps(account: Account, stack: str) -> None:
    assert account.update(stack, QUEUE % ("new", 1, "a")) == "UPDATE_ROLLBACK_COMPLETE"
    assert failures(account, stack, "Queue", "UPDATE_FAILED") == [denied("Update:Replace")]
    assert account.queue_names() == {"old"}

    assert account.update(stack, QUEUE % ("old", 2, "b")) == "UPDATE_COMPLETE", account.story(stack)


def test_an_update_does_not_delete_what_the_stack_policy_keeps(account: Account, stack: str) -> None:
    less = "\n".join(line for line in QUEUE.splitlines() if "Queue:" not in line) % "b"
    assert account.update(stack, less) == "UPDATE_ROLLBACK_COMPLETE"
    assert failures(account, stack, "Queue", "UPDATE_FAILED") == [denied("Update:Delete")]
    assert account.queue_names() == {"old"}

    anything = json.dumps({"Statement": [ANYTHING]})
    assert account.update(stack, less, StackPolicyDuringUpdateBody=anything) == "UPDATE_COMPLETE"
    assert account.queue_names() == set()


def test_under_a_stack_policy_what_is_not_allowed_is_denied(account: Account) -> None:
    stack = made(account, "bare", QUEUE % ("old", 1, "a"))
    only = {"Statement": [{**ANYTHING, "Condition": {"StringLike": {"ResourceType": ["AWS::SQS::*"]}}}]}
    changed = QUEUE % ("old", 2, "b")
    assert account.update(stack, changed, StackPolicyBody=json.dumps(only)) == "UPDATE_ROLLBACK_COMPLETE"
    assert failures(account, stack, "Note", "UPDATE_FAILED") == ["Action not allowed by stack policy"]


def test_a_stack_policy_is_json(account: Account) -> None:
    with pytest.raises(ClientError, match="Error validating stack policy: Invalid stack policy"):
        account.start("broken", QUEUE % ("old", 1, "a"), StackPolicyBody="{")
