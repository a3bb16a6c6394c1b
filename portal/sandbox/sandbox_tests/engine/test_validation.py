"""Pre-deployment validation of change sets: findings that fail them, warnings, and the events about both."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until

CHILD = """
    Resources:
      Profile: {Type: AWS::Signer::SigningProfile, Properties: {PlatformId: none}}
      Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: taken-by-somebody}}
"""
FAILED = "The following hook(s)/validation failed: [{}]. To troubleshoot Early Validation errors, use the"


def change_set(account: Account, template: str, kind: str = "CREATE", **more: Any) -> dict[str, Any]:
    """Create a change set with nested ones, and return its description when it has ended."""
    cloudformation: Any = account.cloudformation
    made = cloudformation.create_change_set(
        StackName="root",
        ChangeSetName="first" if kind == "CREATE" else "second",
        ChangeSetType=kind,
        TemplateBody=template,
        IncludeNestedStacks=True,
        **more,
    )

    def described() -> dict[str, Any]:
        found: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=made["Id"])
        return found

    wait_until(lambda: not described()["Status"].endswith(("PENDING", "IN_PROGRESS")))
    return described()


def findings(account: Account, change_set_id: str) -> dict[str, dict[str, Any]]:
    """Return the findings of a change set by logical id."""
    events = account.cloudformation.describe_events(ChangeSetName=change_set_id)["OperationEvents"]
    assert {event["EventType"] for event in events} <= {"VALIDATION_ERROR"}
    return {event["LogicalResourceId"]: dict(event) for event in events}


def test_a_nested_change_set_fails_with_every_finding_in_its_events(
    account: Account, template_url: str
) -> None:
    account.client("s3").create_bucket(
        Bucket="taken-by-somebody", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
    )
    account.publish(child=CHILD)
    nested = f"{{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {template_url}/child.yaml}}}}"

    root = change_set(account, f"Resources:\n  Child: {nested}\n")

    assert root["Status"] == "FAILED"
    assert "Currently in FAILED" in root["StatusReason"]
    arn = root["StatusReason"].split()[3]
    child = account.cloudformation.describe_change_set(ChangeSetName=arn)
    both = "AWS::EarlyValidation::PropertyValidation, AWS::EarlyValidation::ResourceExistenceCheck"
    assert child["StatusReason"].startswith(FAILED.format(both))
    assert findings(account, root["ChangeSetId"]) == {}
    found = findings(account, arn)
    assert found["Profile"]["ValidationPath"] == "/Resources/Profile/Properties/PlatformId"
    assert found["Profile"]["ValidationFailureMode"] == "FAIL"
    assert found["Bucket"]["ValidationName"] == "NAME_CONFLICT_VALIDATION"


def test_an_exceeded_quota_only_warns(account: Account) -> None:
    vpcs = "".join(
        f"  Vpc{number}: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.{number}.0.0/16}}}}\n"
        for number in range(5)  # with the default VPC one too many
    )

    made = change_set(account, f"Resources:\n{vpcs}")

    assert made["Status"] == "CREATE_COMPLETE"
    (warned,) = findings(account, made["ChangeSetId"]).values()
    assert (warned["ValidationFailureMode"], warned["ValidationName"]) == ("WARN", "SERVICE_QUOTA_VALIDATION")


def test_a_bucket_with_objects_that_is_deleted_only_warns(account: Account) -> None:
    bucket = "  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: full-of-objects}}\n"
    topic = "  Topic: {Type: AWS::SNS::Topic}\n"
    account.create("root", f"Resources:\n{bucket}{topic}")
    account.client("s3").put_object(Bucket="full-of-objects", Key="a", Body=b"a")

    made = change_set(account, f"Resources:\n{topic}", "UPDATE")

    assert made["Status"] == "CREATE_COMPLETE"
    assert (
        "'full-of-objects' is not empty"
        in (findings(account, made["ChangeSetId"])["Bucket"]["ValidationStatusReason"])
    )


def test_without_validation_nothing_is_found(account: Account) -> None:
    made = change_set(account, f"{CHILD.split('      Bucket')[0]}", DisableValidation=True)

    assert made["Status"] == "CREATE_COMPLETE"
    assert findings(account, made["ChangeSetId"]) == {}


@pytest.mark.parametrize("named", [{}, {"ChangeSetName": "first"}])
def test_events_are_found_by_the_arn_of_a_change_set_and_not_by_its_name(
    account: Account, named: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="One of ChangeSetName, OperationId or StackName must be specified"):
        account.cloudformation.describe_events(**named)
