"""Stack events: record and publish every status change of stacks and resources."""

import datetime
from typing import Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services.cloudformation import changesets, handlers, stacks

from sanso_sandbox.engine.cloudformation import notifications, store
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Record, Stack

USER_INITIATED = "User Initiated"
_STARTS = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS"}


def install() -> None:
    """Make MiniStack add its events here."""
    for module in (stacks, handlers, changesets):
        module._add_event = _from_ministack


def stack_status(stack: Stack, status: str, reason: str = "") -> None:
    """Set a stack's status, and add its event."""
    stack["StackStatus"] = status
    stack["StackStatusReason"] = reason
    if status == "UPDATE_IN_PROGRESS":
        stack["LastUpdatedTime"] = now_iso()
        stack["_updated"] = True
    if status == "DELETE_IN_PROGRESS":
        stack["DeletionTime"] = now_iso()
    add(stack, stack["StackName"], STACK_TYPE, status, reason, stack["StackId"])


def resource_status(stack: Stack, record: Record, status: str, reason: str = "") -> None:
    """Set a resource's status, and add its event."""
    record["ResourceStatus"] = status
    record["Timestamp"] = now_iso()
    if reason:
        record["ResourceStatusReason"] = reason
    else:
        record.pop("ResourceStatusReason", None)
    add(
        stack,
        record["LogicalResourceId"],
        record["ResourceType"],
        status,
        reason,
        record.get("PhysicalResourceId", ""),
    )


def hook_status(stack: Stack, record: Record, hook: dict[str, Any]) -> None:
    """Add an event about the invocation of a hook for a resource, whose status stays."""
    add(
        stack,
        record["LogicalResourceId"],
        record["ResourceType"],
        record["ResourceStatus"],
        physical_id=record.get("PhysicalResourceId", ""),
        hook=hook,
    )


def add_failed(stack: Stack, record: Record, event_type: str, values: dict[str, Any]) -> None:
    """Add an event about a resource that only DescribeEvents returns, to those of the current operation."""
    event = {
        "EventId": new_uuid(),
        "StackId": stack["StackId"],
        **current_operation(stack),
        "OperationStatus": "FAILED",
        "EventType": event_type,
        "LogicalResourceId": record["LogicalResourceId"],
        "PhysicalResourceId": record.get("PhysicalResourceId") or None,
        "ResourceType": record["ResourceType"],
        "Timestamp": now_iso(),
        **values,
    }
    stack.setdefault("_operation_events", []).append(event)


def current_operation(stack: Stack) -> dict[str, str]:
    """Return OperationType and OperationId of the operation on a stack, empty without one."""
    return dict(stack["_operations"][-1]) if stack.get("_operations") else {}


def add(
    stack: Stack,
    logical_id: str,
    resource_type: str,
    status: str,
    reason: str = "",
    physical_id: str = "",
    detailed_status: str = "",
    hook: dict[str, Any] | None = None,
) -> None:
    """Append an event with the ClientRequestToken of its operation; `hook` is the invocation it is about."""
    events = store.events_of(stack)
    timestamp = now_iso()
    event: dict[str, Any] = {
        "StackId": stack["StackId"],
        "StackName": stack["StackName"],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": resource_type,
        "Timestamp": timestamp,
        "ResourceStatus": status,
    }
    event["EventId"] = (
        new_uuid() if physical_id == stack["StackId"] else _event_id(events, logical_id, status, timestamp)
    )
    if reason:
        event["ResourceStatusReason"] = reason
    if detailed_status:
        event["DetailedStatus"] = detailed_status
    event |= hook or {}
    if stack.get("_operations"):
        event["OperationId"] = stack["_operations"][-1]["OperationId"]
    if token := stacks.CLIENT_REQUEST_TOKEN.get():
        event["ClientRequestToken"] = token
    events.append(event)
    notifications.announce(stack, event)


def _event_id(events: list[dict[str, Any]], logical_id: str, status: str, timestamp: str) -> str:
    """Return an id for a resource's event in AWS's format, which is unique even within a millisecond."""
    taken = {event["EventId"] for event in events[-50:]}
    moment = datetime.datetime.fromisoformat(timestamp)
    event_id = f"{logical_id}-{status}-{timestamp}"
    while event_id in taken:
        moment += datetime.timedelta(milliseconds=1)
        event_id = f"{logical_id}-{status}-{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"
    return event_id


def begin_operation(stack: Stack, operation_type: str) -> str:
    """Record that an operation starts on a stack: all later events have its id."""
    operation_id = str(new_uuid())
    operations = stack.setdefault("_operations", [])
    operations.append({"OperationType": operation_type, "OperationId": operation_id})
    return operation_id


def _from_ministack(
    stack_id: str,
    stack_name: str,
    logical_id: str,
    resource_type: str,
    status: str,
    reason: str = "",
    physical_id: str = "",
    detailed_status: str = "",
) -> None:
    """Add an event from MiniStack's request handlers. Raises KeyError for a stack that is not stored."""
    stack = store.stacks.by_id[stack_id]
    if physical_id == stack_id and not reason and status in _STARTS:
        reason = USER_INITIATED
    if physical_id == stack_id and status == "UPDATE_IN_PROGRESS":
        stack["_updated"] = True
    add(stack, logical_id, resource_type, status, reason, physical_id, detailed_status)
