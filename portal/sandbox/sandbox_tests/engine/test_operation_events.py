"""What DescribeEvents has about a failed operation beyond the stack's events: validation errors and hooks."""

from __future__ import annotations

from typing import Any

from sandbox_tests.engine.conftest import REGION, Account

BUCKET = """
    Resources:
      Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: taken-meanwhile}}
"""
QUEUE = """
    Resources:
      Queue: {Type: AWS::SQS::Queue}
"""


def failed_events(account: Account, stack: str) -> list[dict[str, Any]]:
    """Return the failed events of all operations of a stack, oldest first."""
    pages = account.cloudformation.get_paginator("describe_events").paginate(
        StackName=stack, Filters={"FailedEvents": True}
    )
    return [event for page in pages for event in page["OperationEvents"]][::-1]


def take_name(account: Account) -> None:
    where = {"LocationConstraint": REGION}
    account.client("s3").create_bucket(Bucket="taken-meanwhile", CreateBucketConfiguration=where)


def test_the_errors_of_a_failed_validation_are_in_the_operation_that_they_stopped(account: Account) -> None:
    take_name(account)
    created = account.create("created", BUCKET)
    updated = account.create("updated", QUEUE)
    status = account.update(updated, BUCKET)

    assert account.status(created) == "ROLLBACK_COMPLETE"
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    for stack, operation in ((created, "CREATE_STACK"), (updated, "UPDATE_STACK")):
        assert not any("taken-meanwhile" in one for one in account.story(stack))
        finding, failure = failed_events(account, stack)
        assert finding["EventType"] == "VALIDATION_ERROR"
        assert finding["ValidationName"] == "NAME_CONFLICT_VALIDATION"
        assert "taken-meanwhile" in finding["ValidationStatusReason"]
        assert failure["EventType"] == "PROVISIONING_ERROR"
        assert failure["ResourceStatusReason"].startswith(
            "Validation failed with 1 error(s). Call DescribeEv"
        )
        assert {one["OperationType"] for one in (finding, failure)} == {operation}
        assert len({one["OperationId"] for one in (finding, failure)}) == 1


def test_the_findings_of_earlier_operations_stay(account: Account) -> None:
    stack = account.create("twice", QUEUE)
    take_name(account)
    account.update(stack, BUCKET)
    account.update(stack, BUCKET.replace("Bucket:", "Other:"))

    findings = [one for one in failed_events(account, stack) if one["EventType"] == "VALIDATION_ERROR"]

    assert [one["LogicalResourceId"] for one in findings] == ["Bucket", "Other"]
    assert len({one["OperationId"] for one in findings}) == 2


def test_a_hook_stops_a_resource_and_its_report_is_in_the_operation_of_the_nested_stack(
    account: Account, template_url: str
) -> None:
    account.publish(child=QUEUE)
    account.fail(**{"hook:Queue": "Queues must be encrypted."})

    root = account.create(
        "hooked",
        f"""
        Resources:
          Child: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {template_url}/child.yaml}}}}
        """,
    )

    child = account.child(root, "Child")
    lines = account.story(child, of="Queue")
    assert lines[-1].startswith("Queue DELETE_COMPLETE") or "failed: [Private::Sandbox::Hook]" in lines[-1]
    assert "Queue CREATE_FAILED The following hook(s) failed: [Private::Sandbox::Hook]" in lines
    hooked = [one for one in account.events(child) if one.get("HookStatus")]
    assert [one["HookStatus"] for one in hooked] == ["HOOK_IN_PROGRESS", "HOOK_COMPLETE_FAILED"]
    assert not [one for one in failed_events(account, root) if one["EventType"] == "HOOK_INVOCATION_ERROR"]
    (report,) = [one for one in failed_events(account, child) if one["EventType"] == "HOOK_INVOCATION_ERROR"]
    assert report["HookStatusReason"] == "Queues must be encrypted."
    assert (report["HookType"], report["HookFailureMode"]) == ("Private::Sandbox::Hook", "FAIL")
    assert report["OperationType"] == "CREATE_STACK"


def test_a_hook_stops_an_update_which_is_rolled_back(account: Account) -> None:
    stack = account.create("hooked", QUEUE)
    account.fail(**{"hook:Queue": "Queues must be encrypted."})

    status = account.update(stack, QUEUE.replace("Queue}", "Queue, Properties: {DelaySeconds: 5}}"))

    assert status == "UPDATE_ROLLBACK_COMPLETE"
    failed = "Queue UPDATE_FAILED The following hook(s) failed: [Private::Sandbox::Hook]"
    assert failed in account.story(stack)
    assert [one["EventType"] for one in failed_events(account, stack)] == [
        "HOOK_INVOCATION_ERROR",
        "PROVISIONING_ERROR",
    ]
