"""The gateway's calls that stop, undo and end operations on stacks, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployments.aws import session
from deployments.aws.change_set_details import PropertyChange
from deployments.aws.cloudformation import CloudFormation
from deployments.common.errors import AwsRejected
from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import make
from tests.services import Sandbox, account_ref

NOTES = """
    Parameters:
      Text: {Type: String, Default: one}
    Resources:
      Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /sanso-note, Value: !Ref Text}}
      Last: {Type: AWS::SSM::Parameter, DependsOn: Note, Properties: {Type: String, Value: !Ref Text}}
"""
TWO = [{"ParameterKey": "Text", "ParameterValue": "two"}]


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str) -> Iterator[Account]:
    account = Account(sandbox, sandbox_account)
    yield account
    account.heal()


@pytest.fixture
def gateway(account: Account) -> CloudFormation:
    clients = session.connect(account_ref(account.sandbox, account.id))
    clients.sts.caller_identity()  # the account now has its roles
    return clients.cloudformation


def role_of(account: Account) -> str:
    return f"arn:aws:iam::{account.id}:role/sanso-cloudformation"


def test_an_update_is_canceled_once_however_often_it_is_called(
    account: Account, gateway: CloudFormation
) -> None:
    stack = account.create("sanso-canceled", NOTES, RoleARN=role_of(account))
    with pytest.raises(AwsRejected, match="CancelUpdateStack cannot be called from current stack status"):
        gateway.cancel_update(stack, "too-early")
    account.pace(5)
    account.cloudformation.update_stack(StackName=stack, UsePreviousTemplate=True, Parameters=TWO)
    gateway.cancel_update(stack, "cancel")
    gateway.cancel_update(stack, "cancel")
    account.pace(0)
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    gateway.cancel_update(stack, "cancel")
    assert account.parameter("/sanso-note") == "one"


def test_a_rollback_that_failed_continues_without_what_is_skipped(
    account: Account, gateway: CloudFormation
) -> None:
    stack = account.create("sanso-stuck", NOTES, RoleARN=role_of(account))
    account.fail(**{"update:Last": "no", "rollback:Note": "cannot go back"})
    assert account.update(stack, NOTES, Parameters=TWO) == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(AwsRejected, match="Last"):
        gateway.continue_update_rollback(stack, "wrong", ("Last",))
    gateway.continue_update_rollback(stack, "continue", ("Note",))
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    gateway.continue_update_rollback(stack, "continue", ("Note",))  # the response may have been lost


def test_resources_kept_after_a_failure_are_rolled_back(account: Account, gateway: CloudFormation) -> None:
    stack = account.create("sanso-kept", NOTES, RoleARN=role_of(account))
    account.fail(**{"update:Last": "no"})
    assert account.update(stack, NOTES, Parameters=TWO, DisableRollback=True) == "UPDATE_FAILED"
    assert account.parameter("/sanso-note") == "two"
    gateway.rollback_stack(stack, "back")
    gateway.rollback_stack(stack, "back")
    assert account.settled(stack) == "UPDATE_ROLLBACK_COMPLETE"
    assert account.parameter("/sanso-note") == "one"


@pytest.mark.parametrize("way", ["retain", "force"])
def test_a_deletion_that_failed_ends_without_what_resists(
    account: Account, gateway: CloudFormation, way: str
) -> None:
    stack = account.create("sanso-resisting", NOTES, RoleARN=role_of(account))
    account.fail(**{"delete:Note": "it is busy"})
    with pytest.raises(AwsRejected, match="DELETE_FAILED"):
        gateway.delete_failed_stack(stack, "too-early", force=True)
    assert account.delete(stack) == "DELETE_FAILED"
    retain = ("Note",) if way == "retain" else ()
    gateway.delete_failed_stack(stack, "again", retain=retain, force=way == "force")
    assert account.settled(stack) == "DELETE_COMPLETE"
    assert account.parameter("/sanso-note") == "one"


def test_the_template_of_a_stack_is_the_one_that_was_submitted(
    account: Account, gateway: CloudFormation
) -> None:
    stack = account.create("sanso-read", NOTES, RoleARN=role_of(account))
    assert "Last: {Type: AWS::SSM::Parameter" in gateway.template_body(stack)
    as_json = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    assert gateway.template_body(account.create("sanso-json", as_json)) == as_json


def test_a_change_set_is_read_with_its_details(account: Account, gateway: CloudFormation) -> None:
    stack = account.create("sanso-changed", NOTES, RoleARN=role_of(account))
    review = make(account, stack, NOTES, name="sanso-review", Parameters=TWO)
    change = gateway.describe_change_set(review["ChangeSetId"]).changes[1]
    assert (change.logical_id, change.action, change.scope) == ("Note", "Modify", ("Properties",))
    assert change.details[1] == PropertyChange(
        attribute="Properties",
        name="Value",
        path="/Properties/Value",
        before="one",
        after="two",
        recreation="Never",
        evaluation="Static",
        source="ParameterReference",
        causing_entity="Text",
        kind="Modify",
    )


@pytest.mark.parametrize(
    ("keep", "status", "kept"), [(False, "ROLLBACK_COMPLETE", None), (True, "CREATE_FAILED", "one")]
)
def test_a_failed_creation_is_rolled_back_with_all_that_is_new_or_kept(
    account: Account, gateway: CloudFormation, keep: bool, status: str, kept: str | None
) -> None:
    account.fail(Last="no more notes")
    retained = NOTES.replace(
        "Note: {Type: AWS::SSM::Parameter,", "Note: {DeletionPolicy: Retain, Type: AWS::SSM::Parameter,"
    )
    options = {"ChangeSetType": "CREATE", "RoleARN": role_of(account)}
    review = make(account, "sanso-new", retained, name="sanso-review", **options)
    gateway.execute_change_set(review["ChangeSetId"], "go", keep_on_failure=keep)
    assert account.settled(review["StackId"]) == status
    assert account.parameter("/sanso-note") == kept
