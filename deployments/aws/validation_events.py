"""The gateway to CloudFormation, continued: the findings of its pre-deployment validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


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


class ValidationEvents(Protocol):
    """The call that reads what DescribeChangeSet leaves out."""

    def validation_findings(self, change_set_id: str) -> list[ValidationFinding]:
        """Return the findings of one change set, those of nested ones excluded, in AWS's order.

        Checks that AWS skipped are left out:
        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_OperationEvent.html
        """
        ...


class ValidationEventsGateway:
    """This call through boto3; the protocol above documents the method."""

    _client: CloudFormationClient

    def validation_findings(self, change_set_id: str) -> list[ValidationFinding]:
        with calling("cloudformation:DescribeEvents"):
            pages = self._client.get_paginator("describe_events").paginate(ChangeSetName=change_set_id)
            events: list[Any] = [event for page in pages for event in page.get("OperationEvents", [])]
        return [_finding(event) for event in events if _is_finding(event)]


def _is_finding(event: Any) -> bool:
    return (event.get("EventType"), event.get("ValidationStatus")) == ("VALIDATION_ERROR", "FAILED")


def _finding(event: Any) -> ValidationFinding:
    return ValidationFinding(
        logical_id=event.get("LogicalResourceId", ""),
        type=event.get("ResourceType", ""),
        check=event.get("ValidationName", ""),
        property_path=event.get("ValidationPath", ""),
        reason=event.get("ValidationStatusReason", ""),
        is_warning=event.get("ValidationFailureMode") == "WARN",
    )
