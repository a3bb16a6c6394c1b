"""The API actions that describe stacks, their events and their resources."""

import html
from collections.abc import Iterator
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers

from sanso_sandbox.engine.cloudformation import deployment_config, retention, store
from sanso_sandbox.engine.cloudformation.responses import PAGE, Answer, Parameters, answer, refusal, value
from sanso_sandbox.engine.cloudformation.store import Record, Stack


def install() -> None:
    """Install the actions."""
    handlers._resolve_stack = _find
    handlers._ACTION_HANDLERS.update(
        DescribeStacks=_describe_stacks,
        ListStacks=_list_stacks,
        DescribeStackEvents=_describe_stack_events,
        DescribeEvents=_describe_events,
        DescribeStackResource=_describe_stack_resource,
        DescribeStackResources=_describe_stack_resources,
        ListStackResources=_list_stack_resources,
    )


def _find(reference: str) -> Stack | None:
    """Return a stack for a read, which does not find one that was created a moment ago."""
    stack = store.find(reference)
    shown = stack is not None and retention.is_seen(stack) and retention.is_kept(stack)
    return stack if shown else None


def _describe_stacks(parameters: Parameters) -> Answer:
    name = value(parameters, "StackName")
    if name:
        stack = _find(name)
        if stack is None:
            return refusal(f"Stack with id {name} does not exist")
        found = [stack]
    else:
        found = [stack for stack in _listed() if stack["StackStatus"] != "DELETE_COMPLETE"]
    return _paged(parameters, "DescribeStacks", "Stacks", found, _stack)


def _listed() -> list[Stack]:
    return [stack for stack in store.newest_first() if retention.is_seen(stack) and retention.is_kept(stack)]


def _paged(parameters: Parameters, action: str, member: str, found: list[Any], spell: Any) -> Answer:
    page, token, refused = helpers._page(found, parameters, action)
    if refused:
        refused_answer: Answer = refused
        return refused_answer
    next_token = token.removeprefix("<NextToken>").removesuffix("</NextToken>") or None
    return answer(action, {member: [spell(entry) for entry in page], "NextToken": next_token})


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack["StackId"],
        "StackName": stack["StackName"],
        "ChangeSetId": stack.get("ChangeSetId"),
        "Description": stack.get("Description") or None,
        "Parameters": [_parameter(parameter) for parameter in stack.get("Parameters") or ()],
        "CreationTime": stack["CreationTime"],
        "DeletionTime": stack.get("DeletionTime"),
        "LastUpdatedTime": stack.get("LastUpdatedTime") if stack.get("_updated") else None,
        "RollbackConfiguration": {},
        "StackStatus": stack["StackStatus"],
        "StackStatusReason": stack.get("StackStatusReason") or None,
        "DisableRollback": bool(stack.get("DisableRollback")),
        "DeploymentConfig": deployment_config.of(stack),
        "NotificationARNs": stack.get("NotificationARNs") or [],
        "Capabilities": stack.get("Capabilities") or [],
        "Outputs": [_output(output) for output in stack.get("Outputs") or ()],
        "Tags": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in stack.get("Tags") or ()],
        "EnableTerminationProtection": bool(stack.get("EnableTerminationProtection")),
        "DeletionMode": stack.get("DeletionMode"),
        **_family(stack),
        **_drift(stack),
        "LastOperations": _last_operations(stack),
    }


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    shown = "****" if parameter.get("NoEcho") else str(parameter.get("ParameterValue", ""))
    return {"ParameterKey": parameter["ParameterKey"], "ParameterValue": shown}


def _output(output: dict[str, Any]) -> dict[str, Any]:
    return {
        "OutputKey": output["OutputKey"],
        "OutputValue": output["OutputValue"],
        "Description": output.get("Description") or None,
        "ExportName": output.get("ExportName"),
    }


def _family(stack: Stack) -> dict[str, Any]:
    """Return the stack's parent and root; AWS returns neither for a stack that is not nested."""
    return {"ParentId": stack.get("ParentId"), "RootId": stack.get("RootId")}


def _drift(stack: Stack) -> dict[str, Any]:
    information = stack.get("DriftInformation") or {}
    return {
        "DriftInformation": {
            "StackDriftStatus": information.get("StackDriftStatus", "NOT_CHECKED"),
            "LastCheckTimestamp": information.get("LastCheckTimestamp"),
        }
    }


def _last_operations(stack: Stack) -> list[dict[str, str]]:
    """Return the newest operation of each type, newest first."""
    newest = {entry["OperationType"]: entry for entry in stack.get("_operations") or ()}
    return list(reversed(newest.values()))


def _list_stacks(parameters: Parameters) -> Answer:
    wanted = helpers._extract_stack_status_filters(parameters)
    found = [stack for stack in _listed() if not wanted or stack["StackStatus"] in wanted]
    return _paged(parameters, "ListStacks", "StackSummaries", found, _summary)


def _summary(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack["StackId"],
        "StackName": stack["StackName"],
        "TemplateDescription": stack.get("Description") or None,
        "CreationTime": stack["CreationTime"],
        "LastUpdatedTime": stack.get("LastUpdatedTime") if stack.get("_updated") else None,
        "DeletionTime": stack.get("DeletionTime"),
        "StackStatus": stack["StackStatus"],
        "StackStatusReason": stack.get("StackStatusReason") or None,
        **_family(stack),
        **_drift(stack),
        "LastOperations": _last_operations(stack),
    }


def _describe_stack_events(parameters: Parameters) -> Answer:
    """Return events, newest first; the token is a position in the growing list, so no event is missed."""
    name = value(parameters, "StackName")
    stack = _find(name)
    if stack is None:
        return refusal(f"Stack [{name}] does not exist")
    return _newest_first(
        parameters,
        "DescribeStackEvents",
        "StackEvents",
        retention.kept_events(store.events_of(stack)),
        _event,
    )


def _newest_first(
    parameters: Parameters, action: str, member: str, events: list[dict[str, Any]], spell: Any
) -> Answer:
    end = len(events)
    if token := value(parameters, "NextToken"):
        owner, _colon, place = token.partition(":")
        if owner != action or not place.isdigit() or int(place) > end:
            return refusal("Invalid NextToken")
        end = int(place)
    start = max(0, end - PAGE)
    page = [spell(event) for event in reversed(events[start:end])]
    return answer(action, {member: page, "NextToken": f"{action}:{start}" if start else None})


def _event(event: dict[str, Any]) -> dict[str, Any]:
    order = (
        "StackId",
        "EventId",
        "StackName",
        "OperationId",
        "LogicalResourceId",
        "PhysicalResourceId",
        "ResourceType",
        "Timestamp",
        "ResourceStatus",
        "ResourceStatusReason",
        "ClientRequestToken",
        "DetailedStatus",
        "HookType",
        "HookStatus",
        "HookStatusReason",
        "HookInvocationPoint",
        "HookFailureMode",
    )
    return {name: event.get(name) for name in order}


def _describe_events(parameters: Parameters) -> Answer:
    """Return the events of operations, newest first: a stack's own, and findings of validation and of hooks.

    A change set is found by its ARN only: https://github.com/aws-cloudformation/cloudformation-cli/issues/1116.
    """
    found = _chosen_events(parameters)
    if isinstance(found, tuple):
        return found
    if operation_id := value(parameters, "OperationId"):
        found = [event for event in found if event.get("OperationId") == operation_id]
    if value(parameters, "Filters.FailedEvents").lower() == "true":
        found = [event for event in found if event["OperationStatus"] == "FAILED"]
    found.sort(key=lambda event: str(event["Timestamp"]))
    return _newest_first(parameters, "DescribeEvents", "OperationEvents", found, lambda event: event)


def _chosen_events(parameters: Parameters) -> list[dict[str, Any]] | Answer:
    """Return the events of a change set, of a stack, or of all stacks; the refusal if there is none."""
    name, change_set_id = value(parameters, "StackName"), value(parameters, "ChangeSetName")
    if change_set_id.startswith("arn:"):
        change_set = cloudformation._change_sets.get(change_set_id)
        if change_set is None:
            return refusal(f"ChangeSet [{change_set_id}] does not exist", "ChangeSetNotFound", 404)
        return list(change_set.get("_operation_events") or ())
    if name:
        stack = _find(name)
        return list(_operation_events(stack)) if stack else refusal(f"Stack [{name}] does not exist")
    if not value(parameters, "OperationId"):
        return refusal("One of ChangeSetName, OperationId or StackName must be specified")
    return [event for stack in store.stacks.values() for event in _operation_events(stack)]


def _operation_events(stack: Stack) -> Iterator[dict[str, Any]]:
    yield from stack.get("_operation_events") or ()  # before the failures that they cause in the same moment
    types = {entry["OperationId"]: entry["OperationType"] for entry in stack.get("_operations") or ()}
    for event in store.events_of(stack):
        status = event["ResourceStatus"]
        outcome = "FAILED" if status.endswith("FAILED") else "SUCCEEDED"
        yield {
            "EventId": event["EventId"],
            "StackId": event["StackId"],
            "OperationId": event.get("OperationId"),
            "OperationType": types.get(event.get("OperationId", "")),
            "OperationStatus": "IN_PROGRESS" if status.endswith("IN_PROGRESS") else outcome,
            "EventType": "PROVISIONING_ERROR" if status.endswith("FAILED") else "STACK_EVENT",
            "LogicalResourceId": event["LogicalResourceId"],
            "PhysicalResourceId": event["PhysicalResourceId"] or None,
            "ResourceType": event["ResourceType"],
            "Timestamp": event["Timestamp"],
            "ResourceStatus": status,
            "ResourceStatusReason": event.get("ResourceStatusReason"),
            "ClientRequestToken": event.get("ClientRequestToken"),
            "DetailedStatus": event.get("DetailedStatus"),
        }


def _records(stack: Stack) -> list[Record]:
    """Return the resources of a stack, including deleted ones for as long as AWS returns them."""
    return list({**(stack.get("_gone") or {}), **stack["_resources"]}.values())


def _resource(stack: Stack, record: Record, time: str) -> dict[str, Any]:
    drift = record.get("DriftInformation") or {}
    return {
        "LogicalResourceId": record["LogicalResourceId"],
        "PhysicalResourceId": record.get("PhysicalResourceId") or None,
        "ResourceType": record["ResourceType"],
        time: record["Timestamp"],
        "ResourceStatus": record["ResourceStatus"],
        "ResourceStatusReason": record.get("ResourceStatusReason"),
        "DriftInformation": {
            "StackResourceDriftStatus": drift.get("StackResourceDriftStatus", "NOT_CHECKED"),
            "LastCheckTimestamp": drift.get("LastCheckTimestamp"),
        },
    }


def _describe_stack_resource(parameters: Parameters) -> Answer:
    name, logical_id = value(parameters, "StackName"), value(parameters, "LogicalResourceId")
    stack = _find(name)
    if stack is None:
        return refusal(f"Stack '{name}' does not exist")
    for record in _records(stack):
        if record["LogicalResourceId"] == logical_id:
            detail = {
                "StackName": stack["StackName"],
                "StackId": stack["StackId"],
                **_resource(stack, record, "LastUpdatedTimestamp"),
            }
            xml = handlers._resource_metadata_xml(stack, logical_id)
            if xml:
                detail["Metadata"] = _unescaped(xml)
            return answer("DescribeStackResource", {"StackResourceDetail": detail})
    return refusal(f"Resource {logical_id} does not exist for stack {stack['StackName']}")


def _unescaped(element: str) -> str:
    return html.unescape(element.removeprefix("<Metadata>").removesuffix("</Metadata>"))


def _describe_stack_resources(parameters: Parameters) -> Answer:
    name, physical_id = value(parameters, "StackName"), value(parameters, "PhysicalResourceId")
    logical_id = value(parameters, "LogicalResourceId")
    stack = _find(name) if name else _owner_of(physical_id)
    if stack is None:
        return refusal(
            f"Stack with id {name} does not exist" if name else f"Stack for {physical_id} does not exist"
        )
    found = [record for record in _records(stack) if logical_id in ("", record["LogicalResourceId"])]
    if logical_id and not found:
        return refusal(f"Resource {logical_id} does not exist for stack {stack['StackName']}")
    resources = [
        {
            "StackName": stack["StackName"],
            "StackId": stack["StackId"],
            **_resource(stack, record, "Timestamp"),
        }
        for record in found
    ]
    return answer("DescribeStackResources", {"StackResources": resources})


def _owner_of(physical_id: str) -> Stack | None:
    for stack in store.stacks.values():
        if any(record["PhysicalResourceId"] == physical_id for record in stack["_resources"].values()):
            found: Stack = stack
            return found
    return None


def _list_stack_resources(parameters: Parameters) -> Answer:
    name = value(parameters, "StackName")
    stack = _find(name)
    if stack is None:
        return refusal(f"Stack with id {name} does not exist")
    return _paged(
        parameters,
        "ListStackResources",
        "StackResourceSummaries",
        _records(stack),
        lambda record: _resource(stack, record, "LastUpdatedTimestamp"),
    )
