"""The gateway to CloudFormation, continued: DescribeEvents of change sets and of failed operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

VALIDATION_ERROR: Final = "VALIDATION_ERROR"
HOOK_ERROR: Final = "HOOK_INVOCATION_ERROR"
PROVISIONING_ERROR: Final = "PROVISIONING_ERROR"
MAX_EVENTS: Final = 500
"""Failed events of a stack that are read; AWS does not say in which order they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFinding:
    """One event of type VALIDATION_ERROR.

    `check` is its ValidationName, of which there are others than AWS documents. `property_path` is a path in
    the template of the stack, such as /Resources/Vpc/Properties/CidrBlock.
    """

    logical_id: str
    type: str = ""
    check: str = ""
    property_path: str = ""
    reason: str = ""
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """A failed event of a stack operation.

    `kind` is its EventType: VALIDATION_ERROR, HOOK_INVOCATION_ERROR or PROVISIONING_ERROR. `check` is the
    name of the validation, the type of the hook, or the status of the resource. `is_warning` is true if the
    operation went on in spite of it.
    """

    event_id: str
    kind: str
    at: datetime
    logical_id: str
    type: str = ""
    check: str = ""
    property_path: str = ""
    reason: str = ""
    is_warning: bool = False
    is_of_the_stack: bool = False


class ValidationEvents(Protocol):
    """The calls that read what DescribeChangeSet and DescribeStackEvents leave out."""

    def validation_findings(self, change_set_id: str) -> list[ValidationFinding]:
        """Return the findings of one change set, those of nested ones excluded, in AWS's order.

        Checks that AWS skipped are left out:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html
        """
        ...

    def failed_operation_events(self, stack_id: str) -> list[FailedEvent]:
        """Return the failed events of all operations of one stack, those of nested stacks excluded.

        The events of change sets are left out, and those that DescribeStackEvents has in any case:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
        """
        ...


class ValidationEventsGateway:
    """These calls through boto3; the protocol above documents the methods."""

    _client: CloudFormationClient

    def validation_findings(self, change_set_id: str) -> list[ValidationFinding]:
        with calling("cloudformation:DescribeEvents"):
            pages = self._client.get_paginator("describe_events").paginate(ChangeSetName=change_set_id)
            events: list[Any] = [event for page in pages for event in page.get("OperationEvents", [])]
        return [_finding(event) for event in events if _is_finding(event)]

    def failed_operation_events(self, stack_id: str) -> list[FailedEvent]:
        with calling("cloudformation:DescribeEvents"):
            pages = self._client.get_paginator("describe_events").paginate(
                StackName=stack_id,
                Filters={"FailedEvents": True},
                PaginationConfig={"MaxItems": MAX_EVENTS},
            )
            events: list[Any] = [event for page in pages for event in page.get("OperationEvents", [])]
        return [_failed(event) for event in events if _has_failed(event)]


def _is_finding(event: Any) -> bool:
    return (event.get("EventType"), event.get("ValidationStatus")) == (VALIDATION_ERROR, "FAILED")


def _finding(event: Any) -> ValidationFinding:
    return ValidationFinding(
        logical_id=event.get("LogicalResourceId", ""),
        type=event.get("ResourceType", ""),
        check=event.get("ValidationName", ""),
        property_path=event.get("ValidationPath", ""),
        reason=event.get("ValidationStatusReason", ""),
        is_warning=event.get("ValidationFailureMode") == "WARN",
    )


def _has_failed(event: Any) -> bool:
    if event.get("OperationType") == "CREATE_CHANGESET" or "Timestamp" not in event:
        return False
    kind = event.get("EventType")
    if kind == HOOK_ERROR:
        return event.get("HookStatus") in ("HOOK_COMPLETE_FAILED", "HOOK_FAILED")
    if kind == PROVISIONING_ERROR:
        return str(event.get("ResourceStatus", "")).endswith("_FAILED")
    return _is_finding(event)


def _failed(event: Any) -> FailedEvent:
    check, reason = {
        VALIDATION_ERROR: ("ValidationName", "ValidationStatusReason"),
        HOOK_ERROR: ("HookType", "HookStatusReason"),
    }.get(event["EventType"], ("ResourceStatus", "ResourceStatusReason"))
    return FailedEvent(
        event_id=event.get("EventId", ""),
        kind=event["EventType"],
        at=event["Timestamp"],
        logical_id=event.get("LogicalResourceId", ""),
        type=event.get("ResourceType", ""),
        check=event.get(check, ""),
        property_path=event.get("ValidationPath", ""),
        reason=event.get(reason, ""),
        is_warning="WARN" in (event.get("ValidationFailureMode"), event.get("HookFailureMode")),
        is_of_the_stack=event.get("PhysicalResourceId") == event.get("StackId"),
    )
