"""The API actions that describe change sets."""

from typing import Any

from ministack.services.cloudformation import handlers, helpers

from sanso_sandbox.engine.cloudformation import change_sets, requests
from sanso_sandbox.engine.cloudformation.responses import (
    Answer,
    Parameters,
    action,
    answer,
    passed,
    truth,
    value,
)

VALUES = ("BeforeContext", "AfterContext")
TARGET_VALUES = ("Path", "BeforeValue", "AfterValue", "AttributeChangeType")
ORDER = (
    "PolicyAction",
    "Action",
    "LogicalResourceId",
    "PhysicalResourceId",
    "ResourceType",
    "Replacement",
    "Scope",
    "Details",
    "ChangeSetId",
    *VALUES,
)


def install() -> None:
    """Install the actions."""
    handlers._ACTION_HANDLERS.update(
        DescribeChangeSet=action(_describe_change_set), ListChangeSets=action(_list_change_sets)
    )


def _describe_change_set(request: Parameters) -> Answer:
    found = change_sets.find(request)
    with_values = truth(request, "IncludePropertyValues")
    page, token, refused = helpers._page(found["Changes"], request, "DescribeChangeSet")
    passed(refused)
    return answer(
        "DescribeChangeSet",
        {
            "ChangeSetName": found["ChangeSetName"],
            "ChangeSetId": found["ChangeSetId"],
            "StackId": found["StackId"],
            "StackName": found["StackName"],
            "Description": found.get("Description") or None,
            "Parameters": [_parameter(parameter) for parameter in found["Parameters"]],
            "CreationTime": found["CreationTime"],
            "ExecutionStatus": found["ExecutionStatus"],
            "Status": found["Status"],
            "StatusReason": found.get("StatusReason") or None,
            "DeploymentConfig": found.get("_deployment_config") or None,
            "NotificationARNs": found.get("NotificationARNs") or [],
            "RollbackConfiguration": {},
            "Capabilities": found.get("Capabilities") or [],
            "Tags": [{"Key": tag["Key"], "Value": tag["Value"]} for tag in found.get("Tags") or ()],
            "Changes": [_change(change, with_values) for change in page],
            "NextToken": token.removeprefix("<NextToken>").removesuffix("</NextToken>") or None,
            "IncludeNestedStacks": bool(found.get("IncludeNestedStacks")),
            "ParentChangeSetId": found.get("ParentChangeSetId"),
            "RootChangeSetId": found.get("RootChangeSetId"),
            "OnStackFailure": found.get("OnStackFailure") or None,
            "ImportExistingResources": bool(found.get("ImportExistingResources")),
        },
    )


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    shown = "****" if parameter.get("NoEcho") else str(parameter["ParameterValue"])
    return {"ParameterKey": parameter["ParameterKey"], "ParameterValue": shown}


def _change(change: dict[str, Any], with_values: bool) -> dict[str, Any]:
    found = {name: change["ResourceChange"].get(name) for name in ORDER if with_values or name not in VALUES}
    if found.get("Details"):
        found["Details"] = [_detail(detail, with_values) for detail in found["Details"]]
    return {"Type": "Resource", "ResourceChange": found}


def _detail(detail: dict[str, Any], with_values: bool) -> dict[str, Any]:
    target = {
        name: part for name, part in detail["Target"].items() if with_values or name not in TARGET_VALUES
    }
    return {**detail, "Target": target}


def _list_change_sets(request: Parameters) -> Answer:
    stack = requests.existing(value(request, "StackName"))
    page, token, refused = helpers._page(requests.change_sets_of(stack), request, "ListChangeSets")
    passed(refused)
    names = (
        "StackId",
        "StackName",
        "ChangeSetId",
        "ChangeSetName",
        "ExecutionStatus",
        "Status",
        "StatusReason",
        "CreationTime",
        "Description",
        "IncludeNestedStacks",
        "ParentChangeSetId",
        "RootChangeSetId",
        "ImportExistingResources",
    )
    summaries = [{name: found.get(name) or None for name in names} for found in page]
    return answer(
        "ListChangeSets",
        {
            "Summaries": summaries,
            "NextToken": token.removeprefix("<NextToken>").removesuffix("</NextToken>") or None,
        },
    )
