"""Express mode: the mode of a stack, and what CloudFormation then refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account

TOPIC = "  Topic: {Type: AWS::SNS::Topic}\n"
GOOD = f"Resources:\n{TOPIC}"
OTHER = f"Resources:\n{TOPIC}  Queue: {{Type: AWS::SQS::Queue}}\n"
BAD = f"Resources:\n{TOPIC}  Bad: {{Type: AWS::SQS::Queue}}\n"  # `account.fail` lets it fail
EXPRESS = {"Mode": "EXPRESS"}


def update(account: Account, stack: str, template: str, **options: Any) -> str:
    account.cloudformation.update_stack(StackName=stack, TemplateBody=template, **options)
    return account.settled(stack)


def test_a_stack_has_the_mode_of_its_last_operation(account: Account) -> None:
    stack = account.create("root", GOOD)
    assert "DeploymentConfig" not in account.describe(stack)

    update(account, stack, OTHER, DeploymentConfig=EXPRESS)
    assert account.describe(stack)["DeploymentConfig"] == {"Mode": "EXPRESS", "DisableRollback": True}
    update(account, stack, GOOD)
    assert "DeploymentConfig" not in account.describe(stack)


def test_a_failed_express_update_takes_no_rollback_and_no_standard_update(account: Account) -> None:
    stack = account.create("root", GOOD)
    account.fail(Bad="no more queues")
    assert update(account, stack, BAD, DeploymentConfig=EXPRESS) == "UPDATE_FAILED"

    with pytest.raises(ClientError, match="RollbackStack is not supported"):
        account.cloudformation.rollback_stack(StackName=stack)
    with pytest.raises(ClientError, match="must use the same DeploymentConfig"):
        update(account, stack, OTHER, DisableRollback=True)
    assert update(account, stack, OTHER, DeploymentConfig=EXPRESS) == "UPDATE_COMPLETE"


def test_a_change_set_carries_the_mode_to_its_execution(account: Account) -> None:
    stack = account.create("root", GOOD)
    account.fail(Bad="no more queues")
    cloudformation = account.cloudformation
    made = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="express",
        ChangeSetType="UPDATE",
        TemplateBody=BAD,
        DeploymentConfig=EXPRESS | {"DisableRollback": False},
    )
    cloudformation.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1}
    )

    with pytest.raises(ClientError, match="DisableRollback"):
        cloudformation.execute_change_set(ChangeSetName=made["Id"], DisableRollback=False)
    cloudformation.execute_change_set(ChangeSetName=made["Id"])

    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.describe(stack)["DeploymentConfig"] == {"Mode": "EXPRESS", "DisableRollback": False}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"DeploymentConfig": {"Mode": "FAST"}}, "enum value set"),
        ({"DeploymentConfig": EXPRESS, "DisableRollback": True}, "together with DeploymentConfig"),
    ],
)
def test_what_contradicts_is_refused(account: Account, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        account.create("root", GOOD, **options)
