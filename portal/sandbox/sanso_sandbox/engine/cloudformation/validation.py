"""Pre-deployment validation of a change set: what fails it, what only warns, and the events about both.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
The reason of a failed change set names the checks, as in https://github.com/aws/aws-cdk-cli/issues/1000; the
names of the findings and the sentence about a bucket are from https://github.com/aws-cloudformation/rain/pull/744.
Which quotas AWS checks, and their sentence, is not documented: here those of VPCs, internet gateways and
addresses, with the error that the creation would get.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, new_uuid, now_iso
from ministack.services import ec2, s3
from ministack.services.cloudformation import engine, stacks

from sanso_sandbox.engine import quotas
from sanso_sandbox.engine.cloudformation.store import Stack, Template

Finding = tuple[str, str, str, str, str]  # logical id, type, name of the check, path, reason

_CHECKS = {
    "NAME_CONFLICT_VALIDATION": "AWS::EarlyValidation::ResourceExistenceCheck",
    "PROPERTY_VALIDATION": "AWS::EarlyValidation::PropertyValidation",
}
_FAILED = (
    "The following hook(s)/validation failed: [{checks}]. To troubleshoot Early Validation errors, use the "
    "DescribeEvents API for detailed failure information."
)
_NOT_EMPTY = (
    "The bucket '{name}' is not empty. You must either delete all objects and versions or use the deletion "
    "policy to retain it, otherwise the delete operation will fail."
)
_COUNTED: dict[str, tuple[str, Callable[[], int]]] = {
    "AWS::EC2::EIP": ("addresses", lambda: len(ec2._addresses)),
    "AWS::EC2::InternetGateway": ("internet_gateways", lambda: len(ec2._internet_gateways)),
    "AWS::EC2::VPC": ("vpcs", lambda: len(ec2._vpcs)),
}
_UNKNOWN = "{{"  # the beginning of a value that is not known before the execution


def check(
    change_set: dict[str, Any],
    stack: Stack,
    template: Template,
    parameters: dict[str, Any],
    changes: list[dict[str, Any]],
) -> str:
    """Keep the events about a change set's findings; return the reason if they fail it, else ""."""
    if change_set.get("_disable_validation"):
        return ""
    errors = list(_errors(stack, template, parameters))
    warnings = [*_buckets(changes), *_quotas(changes)]
    operation_id = str(new_uuid())
    change_set["_operation_events"] = [
        *_events(stack, operation_id, errors, "FAIL"),
        *_events(stack, operation_id, warnings, "WARN"),
    ]
    checks = dict.fromkeys(_CHECKS.get(name, name) for _id, _type, name, _path, _reason in errors)
    return _FAILED.format(checks=", ".join(checks)) if errors else ""


def _errors(stack: Stack, template: Template, parameters: dict[str, Any]) -> Iterator[Finding]:
    """Yield what MiniStack's validation finds, without what depends on values that are not known yet."""
    resources = template.get("Resources") or {}
    owned = {
        record.get("PhysicalResourceId")
        for record in stack["_resources"].values()
        if record.get("ResourceType") == "AWS::S3::Bucket"
    }
    found = stacks._validation_errors(
        resources,
        list(resources),
        parameters,
        engine._evaluate_conditions(template, parameters),
        template.get("Mappings") or {},
        stack["StackName"],
        stack["StackId"],
        frozenset(owned),
    )
    for one in found:
        if _UNKNOWN not in one[-1]:
            yield one


def _buckets(changes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield the buckets that the change set deletes and that are not empty."""
    for change in _with_action(changes, "Remove"):
        name = change.get("PhysicalResourceId") or ""
        if change["ResourceType"] != "AWS::S3::Bucket" or change.get("PolicyAction") == "Retain":
            continue
        if (s3._buckets.get(name) or {}).get("objects"):
            logical_id = change["LogicalResourceId"]
            reason = _NOT_EMPTY.format(name=name)
            yield (
                logical_id,
                change["ResourceType"],
                "BUCKET_EMPTINESS_VALIDATION",
                f"/Resources/{logical_id}",
                reason,
            )


def _quotas(changes: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield the resources with which the account would exceed a quota."""
    limits = quotas.limits(get_account_id())
    ec2._ensure_defaults_initialized()
    more: dict[str, int] = {}
    for change in _with_action(changes, "Add"):
        resource_type = change["ResourceType"]
        if resource_type not in _COUNTED:
            continue
        quota, used = _COUNTED[resource_type]
        more[quota] = more.get(quota, 0) + 1
        if used() + more[quota] > limits[quota]:
            logical_id = change["LogicalResourceId"]
            text = quotas.QUOTAS[quota].text.format(limit=limits[quota])
            yield logical_id, resource_type, "SERVICE_QUOTA_VALIDATION", f"/Resources/{logical_id}", text


def _with_action(changes: list[dict[str, Any]], action: str) -> Iterator[dict[str, Any]]:
    for change in changes:
        if change["ResourceChange"]["Action"] == action:
            yield change["ResourceChange"]


def _events(stack: Stack, operation_id: str, found: Iterable[Finding], mode: str) -> Iterator[dict[str, Any]]:
    for logical_id, resource_type, name, path, reason in found:
        yield {
            "EventId": new_uuid(),
            "StackId": stack["StackId"],
            "OperationId": operation_id,
            "OperationType": "CREATE_CHANGESET",
            "OperationStatus": "FAILED",
            "EventType": "VALIDATION_ERROR",
            "Timestamp": now_iso(),
            "LogicalResourceId": logical_id,
            "ResourceType": resource_type,
            "ValidationFailureMode": mode,
            "ValidationName": name,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": reason,
            "ValidationPath": path,
        }
