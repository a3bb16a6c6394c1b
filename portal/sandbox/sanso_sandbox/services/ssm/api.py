"""The SSM actions of State Manager, Run Command and documents, in addition to MiniStack's."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ec2, ssm

from sanso_sandbox.engine.registry import Answer, Record, Refused
from sanso_sandbox.services.ssm import (
    association_rules,
    associations,
    command_api,
    document_api,
    documents,
    executions,
    nodes,
)
from sanso_sandbox.services.ssm.associations import Association, Execution
from sanso_sandbox.services.ssm.paging import page

_engine_request = ssm.handle_request


def install() -> None:
    """Install the actions below; all others are MiniStack's."""
    ssm.handle_request = _request


async def _request(method: str, path: str, headers: Record, body: bytes, parameters: Record) -> Answer:
    action = ACTIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
    if action is None:
        engine: Answer = await _engine_request(method, path, headers, body, parameters)
        return engine
    answer: Answer
    try:
        answer = json_response(action(json.loads(body or b"{}")))
    except Refused as refused:
        answer = error_response_json(refused.code, str(refused), 400)
    return answer


def _get(request: Record) -> Association:
    association = associations.find(request)
    if association is None:
        raise Refused("AssociationDoesNotExist", "")
    return association


def _description(association: Association) -> Record:
    ends = [run.at for execution in association.executions for run in execution.targets.values() if run.at]
    good = [
        run.at
        for execution in association.executions
        if execution.status() == "Success"
        for run in execution.targets.values()
        if run.at
    ]
    return {
        **association.settings,
        "AssociationId": association.id,
        "AssociationVersion": str(association.version),
        "Date": association.created_at,
        "LastUpdateAssociationDate": association.updated_at,
        "Overview": association.overview(),
        **({"LastExecutionDate": max(ends)} if ends else {}),
        **({"LastSuccessfulExecutionDate": max(good)} if good else {}),
    }


def _create(request: Record) -> Record:
    association_rules.check_request(request)
    documents.check_parameters(request)
    association = associations.add(request)
    executions.reach(association)
    return {"AssociationDescription": _description(association)}


def _update(request: Record) -> Record:
    association_rules.check_request(request)
    association = _get(request)
    documents.check_parameters({"Name": association.settings["Name"], **request})
    associations.change(association, request)
    executions.reach(association)
    return {"AssociationDescription": _description(association)}


def _delete(request: Record) -> Record:
    associations.store.pop(_get(request).id, None)
    return {}


def _describe(request: Record) -> Record:
    association = _get(request)
    version = str(request.get("AssociationVersion") or "$LATEST")
    description = _description(association)
    if version not in ("$LATEST", str(association.version)):
        found = next((row for row in association.versions if row["AssociationVersion"] == version), None)
        if found is None:
            raise Refused("InvalidAssociationVersion", "The version you specified is not valid.")
        description.update(found)
    return {"AssociationDescription": description}


def _list(request: Record) -> Record:
    wanted = {row["key"]: row["value"] for row in request.get("AssociationFilterList") or []}
    short = (
        "AssociationId",
        "AssociationVersion",
        "AssociationName",
        "Name",
        "InstanceId",
        "Targets",
        "Overview",
    )
    dates = ("LastExecutionDate", "ScheduleExpression", "DocumentVersion")
    rows = []
    for association in associations.store.values():
        description = _description(association)
        if all(_listed_by(key, value, description) for key, value in wanted.items()):
            rows.append({name: description[name] for name in (*short, *dates) if name in description})
    return page("Associations", rows, request)


def _listed_by(key: str, value: str, description: Record) -> bool:
    if key == "AssociationStatusName":
        return bool(description["Overview"]["Status"] == value)
    if key in ("LastExecutedBefore", "LastExecutedAfter"):
        return "LastExecutionDate" in description
    return bool(description.get(key) == value)


def _list_versions(request: Record) -> Record:
    rows = [
        {name: part for name, part in row.items() if part is not None}
        for row in reversed(_get(request).versions)
    ]
    return page("AssociationVersions", rows, request)


def _execution_shape(association: Association, execution: Execution) -> Record:
    counts = ", ".join(f"{status}={number}" for status, number in execution.counts().items())
    ends = [run.at for run in execution.targets.values() if run.at]
    return {
        "AssociationId": association.id,
        "AssociationVersion": str(execution.version),
        "ExecutionId": execution.id,
        "Status": execution.status(),
        "DetailedStatus": execution.status(),
        "CreatedTime": execution.created_at,
        "ResourceCountByStatus": f"{{{counts}}}",
        **({"LastExecutionDate": max(ends)} if ends else {}),
    }


def _describe_executions(request: Record) -> Record:
    association = _get(request)
    rows = [_execution_shape(association, execution) for execution in reversed(association.executions)]
    for wanted in request.get("Filters") or []:
        if wanted["Key"] in ("ExecutionId", "Status"):
            rows = [row for row in rows if row[wanted["Key"]] == wanted["Value"]]
    return page("AssociationExecutions", rows, request)


def _describe_execution_targets(request: Record) -> Record:
    association = _get(request)
    execution = next((row for row in association.executions if row.id == request.get("ExecutionId")), None)
    if execution is None:
        raise Refused("AssociationExecutionDoesNotExist", "The specified execution ID does not exist.")
    rows = [
        {
            "AssociationId": association.id,
            "AssociationVersion": str(execution.version),
            "ExecutionId": execution.id,
            "ResourceId": run.instance_id,
            "ResourceType": "ManagedInstance",
            "Status": run.status,
            "DetailedStatus": run.status,
            "OutputSource": {"OutputSourceId": run.command_id, "OutputSourceType": "RunCommand"},
            **({"LastExecutionDate": run.at} if run.at else {}),
        }
        for run in execution.targets.values()
    ]
    for wanted in request.get("Filters") or []:
        if wanted["Key"] in ("Status", "ResourceId"):
            rows = [row for row in rows if row[wanted["Key"]] == wanted["Value"]]
    return page("AssociationExecutionTargets", rows, request)


def _start_once(request: Record) -> Record:
    wanted = request.get("AssociationIds") or []
    if not 1 <= len(wanted) <= 10:
        raise Refused("ValidationException", "AssociationIds must have between 1 and 10 members")
    found = [_get({"AssociationId": association_id}) for association_id in wanted]
    for association in found:
        executions.start_again(association)
    return {}


def _effective(request: Record) -> Record:
    instance_id = request.get("InstanceId", "")
    rows = [
        {
            "AssociationId": association.id,
            "AssociationVersion": str(association.version),
            "InstanceId": instance_id,
            "Content": json.dumps(association.settings),
        }
        for association in associations.store.values()
        if instance_id in association.targets()
    ]
    return page("Associations", rows, request)


def _instance_status(request: Record) -> Record:
    instance_id = request.get("InstanceId", "")
    if instance_id not in ec2._instances:
        raise Refused("InvalidInstanceId", f"Instance {instance_id} does not exist")
    rows = []
    for association in associations.store.values():
        run = association.latest().get(instance_id)
        if run is None:
            continue
        row: dict[str, Any] = {
            "AssociationId": association.id,
            "AssociationName": association.settings.get("AssociationName"),
            "AssociationVersion": str(association.version),
            "DocumentVersion": "1",
            "Name": association.settings["Name"],
            "InstanceId": instance_id,
            "Status": run.status,
            "DetailedStatus": run.status,
            "ExecutionSummary": run.summary or None,
            "ExecutionDate": run.at,
            "ErrorCode": "ExecutionError" if run.status == "Failed" else None,
            "OutputUrl": {"S3OutputUrl": {"OutputUrl": run.output_url}} if run.output_url else None,
        }
        rows.append({name: part for name, part in row.items() if part is not None})
    return page("InstanceAssociationStatusInfos", rows, request)


ACTIONS: dict[str, Callable[[Record], Record]] = {
    "CreateAssociation": _create,
    "UpdateAssociation": _update,
    "DeleteAssociation": _delete,
    "DescribeAssociation": _describe,
    "ListAssociations": _list,
    "ListAssociationVersions": _list_versions,
    "DescribeAssociationExecutions": _describe_executions,
    "DescribeAssociationExecutionTargets": _describe_execution_targets,
    "StartAssociationsOnce": _start_once,
    "DescribeEffectiveInstanceAssociations": _effective,
    "DescribeInstanceAssociationsStatus": _instance_status,
    "DescribeInstanceInformation": nodes.describe,
    **command_api.ACTIONS,
    **document_api.ACTIONS,
}
