"""Deleting stacks: the order, retained resources, failed deletes, and descriptions of deleted stacks."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account

CHAIN = """
    Resources:
      First: {Type: AWS::SNS::Topic}
      Second: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /second, Value: !Ref First}}
      Apart: {Type: AWS::SQS::Queue}
"""


def nested(url: str) -> str:
    return f"""
        Resources:
          Nested: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}/chain.yaml}}}}
    """


def test_dependents_are_deleted_before_a_resource_and_the_rest_in_parallel(account: Account) -> None:
    stack = account.create("chain", CHAIN)
    seen = len(account.events(stack))
    account.pace(0.05)
    assert account.delete(stack) == "DELETE_COMPLETE"
    story = account.story(stack, since=seen)
    assert story[0] == "stack DELETE_IN_PROGRESS User Initiated"
    assert story[-1] == "stack DELETE_COMPLETE"
    assert story.index("Second DELETE_COMPLETE") < story.index("First DELETE_IN_PROGRESS")
    assert story.index("Apart DELETE_IN_PROGRESS") < story.index("Second DELETE_COMPLETE")


def test_a_nested_stack_goes_with_events_of_its_own(account: Account, template_url: str) -> None:
    account.publish(chain=CHAIN)
    root = account.create("root", nested(template_url))
    child = account.child(root, "Nested")
    seen = len(account.events(child))
    assert account.delete(root) == "DELETE_COMPLETE"
    assert account.story(root, of="Nested")[-2:] == ["Nested DELETE_IN_PROGRESS", "Nested DELETE_COMPLETE"]
    story = account.story(child, since=seen)
    assert story[0] == "stack DELETE_IN_PROGRESS User Initiated"
    assert set(story[1:-1]) == {
        f"{name} DELETE_{status}"
        for name in ("First", "Second", "Apart")
        for status in ("IN_PROGRESS", "COMPLETE")
    }
    assert story[-1] == "stack DELETE_COMPLETE"
    assert account.queue_names() == set()


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_retained_resources_stay_also_in_nested_stacks(
    account: Account, template_url: str, policy: str
) -> None:
    kept = f"Kept: {{Type: AWS::SQS::Queue, DeletionPolicy: {policy}, Properties: {{QueueName: kept}}}}"
    account.publish(chain=CHAIN + f"      {kept}\n")
    root = account.create("root", nested(template_url))
    child = account.child(root, "Nested")
    assert account.delete(root) == "DELETE_COMPLETE"
    assert account.story(child, of="Kept")[-1] == "Kept DELETE_SKIPPED"
    assert account.queue_names() == {"kept"}


def test_a_nested_stack_can_be_retained_as_a_whole(account: Account, template_url: str) -> None:
    account.publish(chain=CHAIN)
    template = nested(template_url).replace("Type: AWS::Cloud", "DeletionPolicy: Retain, Type: AWS::Cloud")
    root = account.create("root", template)
    child = account.child(root, "Nested")
    assert account.delete(root) == "DELETE_COMPLETE"
    assert account.status(child) == "CREATE_COMPLETE"
    assert account.parameter("/second") is not None


def test_a_snapshot_is_taken_where_the_policy_asks_for_one(account: Account) -> None:
    cluster = """
        Resources:
          Cluster:
            Type: AWS::RDS::DBCluster
            DeletionPolicy: Snapshot
            Properties: {Engine: aurora-mysql, MasterUsername: admin, MasterUserPassword: correct-horse}
    """
    stack = account.create("database", cluster)
    name = account.events(stack)[-2]["PhysicalResourceId"]
    assert account.delete(stack) == "DELETE_COMPLETE"
    snapshots = account.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [one["DBClusterIdentifier"] for one in snapshots] == [name]


def test_a_failed_delete_leaves_what_it_needs_and_can_be_repeated(account: Account) -> None:
    stack = account.create("stuck", CHAIN)
    account.fail(**{"delete:Second": "busy"})
    assert account.delete(stack, ClientRequestToken="once") == "DELETE_FAILED"
    assert account.describe(stack)["StackStatusReason"] == (
        "The following resource(s) failed to delete: [Second]. "
    )
    listed = account.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    assert {one["LogicalResourceId"]: one["ResourceStatus"] for one in listed} == {
        "First": "CREATE_COMPLETE",
        "Second": "DELETE_FAILED",
        "Apart": "DELETE_COMPLETE",
    }
    account.heal()
    assert (
        account.delete(stack, ClientRequestToken="once") == "DELETE_FAILED"
    )  # the same request again gets the same response
    assert account.delete(stack, ClientRequestToken="twice") == "DELETE_COMPLETE"


def test_a_failed_nested_delete_fails_the_parent_in_aws_words(account: Account, template_url: str) -> None:
    account.publish(chain=CHAIN)
    root = account.create("root", nested(template_url))
    child = account.child(root, "Nested")
    account.fail(**{"delete:Second": "busy"})
    assert account.delete(root) == "DELETE_FAILED"
    assert account.story(root, of="Nested")[-1] == (
        f"Nested DELETE_FAILED Embedded stack {child} was not successfully deleted: "
        "The following resource(s) failed to delete: [Second]."
    )
    account.heal()
    assert account.delete(root) == "DELETE_COMPLETE"


def test_resources_can_be_retained_after_a_failed_delete_only(account: Account) -> None:
    stack = account.create("stuck", CHAIN)
    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        account.delete(stack, RetainResources=["Second"])
    account.fail(**{"delete:Second": "busy"})
    account.delete(stack)
    assert account.delete(stack, RetainResources=["Second"]) == "DELETE_COMPLETE"
    assert account.story(stack, of="Second")[-1] == "Second DELETE_SKIPPED"
    assert account.parameter("/second") is not None


def test_a_forced_delete_ends_whatever_happens(account: Account) -> None:
    stack = account.create("stuck", CHAIN)
    account.fail(**{"delete:Second": "busy"})
    account.delete(stack)
    assert account.delete(stack, DeletionMode="FORCE_DELETE_STACK") == "DELETE_COMPLETE"
    assert account.describe(stack)["DeletionMode"] == "FORCE_DELETE_STACK"


def test_a_protected_stack_is_not_deleted(account: Account) -> None:
    stack = account.create("protected", CHAIN, EnableTerminationProtection=True)
    with pytest.raises(ClientError) as refused:
        account.delete("protected")
    assert refused.value.response["Error"]["Message"] == (
        "Stack [protected] cannot be deleted while TerminationProtection is enabled"
    )
    account.cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    assert account.delete(stack) == "DELETE_COMPLETE"


def test_a_stack_that_is_being_updated_is_not_deleted(account: Account) -> None:
    stack = account.create("busy", CHAIN)
    account.pace(5)
    account.cloudformation.update_stack(
        StackName=stack, TemplateBody="Resources: {N: {Type: AWS::SNS::Topic}}"
    )
    with pytest.raises(ClientError) as refused:
        account.cloudformation.delete_stack(StackName=stack)
    assert refused.value.response["Error"]["Message"] == (
        f"Stack [{stack}] cannot be deleted while in status UPDATE_IN_PROGRESS"
    )
    account.pace(0)
    account.settled(stack)


def test_a_deleted_stack_is_told_of_by_its_id_and_its_name_is_free(account: Account) -> None:
    old = account.create("again", CHAIN)
    account.delete(old)
    with pytest.raises(ClientError, match="Stack with id again does not exist"):
        account.describe("again")
    new = account.create("again", CHAIN)
    assert account.describe("again")["StackId"] == new != old
    described = account.describe(old)
    assert described["StackStatus"] == "DELETE_COMPLETE"
    assert described["DeletionTime"] >= described["CreationTime"]
    assert account.story(old)[-1] == "stack DELETE_COMPLETE"
    for resources in (
        account.cloudformation.describe_stack_resources(StackName=old)["StackResources"],
        account.cloudformation.list_stack_resources(StackName=old)["StackResourceSummaries"],
    ):
        assert {one["LogicalResourceId"]: one["ResourceStatus"] for one in resources} == dict.fromkeys(
            ("First", "Second", "Apart"), "DELETE_COMPLETE"
        )
    listed = account.cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [(one["StackId"], one["DeletionTime"]) for one in listed] == [(old, described["DeletionTime"])]


def test_deleting_what_is_not_there_is_fine(account: Account) -> None:
    account.cloudformation.delete_stack(StackName="nothing")
    stack = account.create("twice", CHAIN)
    account.delete(stack)
    account.cloudformation.delete_stack(StackName=stack)


def test_an_export_that_is_in_use_keeps_its_stack(account: Account) -> None:
    exporting = CHAIN + "    Outputs: {T: {Value: !Ref First, Export: {Name: shared}}}\n"
    importing = """
        Resources:
          Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue shared}}
    """
    account.create("exporting", exporting)
    user = account.create("importing", importing)
    with pytest.raises(ClientError, match="Export shared cannot be deleted as it is in use by importing"):
        account.delete("exporting")
    account.delete(user)
    account.cloudformation.delete_stack(StackName="exporting")
