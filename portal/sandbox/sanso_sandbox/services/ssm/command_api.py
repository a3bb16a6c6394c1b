"""The actions of Run Command, replacing MiniStack's, which cannot run documents of the account.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

import datetime
import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from sanso_sandbox.engine.registry import Record, Refused, here
from sanso_sandbox.services.ssm import association_rules, commands, documents, executions
from sanso_sandbox.services.ssm.associations import Association
from sanso_sandbox.services.ssm.commands import Command, Invocation, StepResult
from sanso_sandbox.services.ssm.paging import page

COMMENT = 100  # characters
INSTANCES = 50  # in InstanceIds
TIMEOUT = (30, 2_592_000)  # seconds of TimeoutSeconds
STDOUT, STDERR = 24_000, 8_000  # characters in GetCommandInvocation
OUTPUT = 2_500  # characters of a plugin in ListCommandInvocations
_STAGES = {"Executing": commands.UNFINISHED, "Complete": ("Success", "Failed", "TimedOut", "Cancelled")}
_COMMAND_FILTERS = ("InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName")


def _send(request: Record) -> Record:
    _check(request)
    documents.check_parameters({**request, "Name": request["DocumentName"]})
    named = list(request.get("InstanceIds") or [])
    tagged = Association(settings={"Name": "", "Targets": request.get("Targets") or []}, versions=[])
    unknown = [one for one in named if not executions.is_registered(one)]
    if unknown:
        raise Refused(
            "InvalidInstanceId",
            f"Instances [[{', '.join(unknown)}]] not in a valid state for account {get_account_id()}",
        )
    registered = [one for one in tagged.targets() if executions.is_registered(one)]
    return {"Command": _command(commands.send(request, list(dict.fromkeys([*named, *registered]))))}


def _check(request: Record) -> None:
    """Raise Refused with the API's message for a request outside of its limits."""
    if not request.get("DocumentName"):
        raise Refused("ValidationException", "DocumentName is required")
    if not request.get("InstanceIds") and not request.get("Targets"):
        raise Refused("ValidationException", "InstanceIds or a Targets entry is required")
    comment, named = str(request.get("Comment") or ""), request.get("InstanceIds") or []
    seconds = int(request.get("TimeoutSeconds") or TIMEOUT[1])
    broken = [
        *_length("comment", comment, len(comment), COMMENT),
        *_length("instanceIds", named, len(named), INSTANCES),
    ]
    if seconds < TIMEOUT[0]:
        broken.append(("timeoutSeconds", seconds, f"have value greater than or equal to {TIMEOUT[0]}"))
    if seconds > TIMEOUT[1]:
        broken.append(("timeoutSeconds", seconds, f"have value less than or equal to {TIMEOUT[1]}"))
    for name in ("MaxConcurrency", "MaxErrors"):
        pattern = association_rules.PATTERNS[name]
        if request.get(name) and not re.fullmatch(pattern, str(request[name])):
            at = f"{name[0].lower()}{name[1:]}"
            broken.append((at, request[name], f"satisfy regular expression pattern: {pattern}"))
    for at, value, rule in broken:
        raise Refused(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: "
            f"Member must {rule}",
        )


def _length(at: str, value: object, length: int, limit: int) -> list[tuple[str, object, str]]:
    return [(at, value, f"have length less than or equal to {limit}")] if length > limit else []


def _command(command: Command) -> Record:
    request, status = command.request, command.status()
    ended = [one for one in command.invocations.values() if one.status not in commands.UNFINISHED]
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": str(request.get("DocumentVersion") or "$DEFAULT"),
        "Comment": str(request.get("Comment") or ""),
        "ExpiresAfter": command.requested_at + int(request.get("TimeoutSeconds") or 3600),
        "Parameters": request.get("Parameters") or {},
        "InstanceIds": request.get("InstanceIds") or [],
        "Targets": request.get("Targets") or [],
        "RequestedDateTime": command.requested_at,
        "Status": status,
        "StatusDetails": status,
        "OutputS3Region": request.get("OutputS3Region") or here().region,
        "OutputS3BucketName": request.get("OutputS3BucketName") or "",
        "OutputS3KeyPrefix": request.get("OutputS3KeyPrefix") or "",
        "MaxConcurrency": str(request.get("MaxConcurrency") or commands.MAX_CONCURRENCY),
        "MaxErrors": str(request.get("MaxErrors") or commands.MAX_ERRORS),
        "TargetCount": len(command.invocations),
        "CompletedCount": len(ended),
        "ErrorCount": sum(one.status == "Failed" for one in ended),
        "DeliveryTimedOutCount": 0,
    }


def _get_invocation(request: Record) -> Record:
    """Return a step's result. Of several steps, one has to be named (github.com/boto/boto3/issues/1811).

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html
    """
    command = commands.store.get(request.get("CommandId") or "")
    invocation = command.invocations.get(request.get("InstanceId") or "") if command else None
    if command is None or invocation is None:
        raise Refused("InvocationDoesNotExist", "")
    step = _step(invocation, request.get("PluginName") or "")
    began, ended = invocation.started_at, invocation.ended_at
    return {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "Comment": str(command.request.get("Comment") or ""),
        "DocumentName": command.document,
        "DocumentVersion": str(command.request.get("DocumentVersion") or "$DEFAULT"),
        "PluginName": step.name,
        "ResponseCode": step.code,
        "ExecutionStartDateTime": _time(began),
        "ExecutionElapsedTime": f"PT{ended - began:.3f}S" if began and ended else "",
        "ExecutionEndDateTime": _time(ended),
        "Status": invocation.status if step.status == "Pending" else step.status,
        "StatusDetails": invocation.detail if step.status == "Pending" else step.status,
        "StandardOutputContent": step.stdout[:STDOUT],
        "StandardOutputUrl": step.output_url,
        "StandardErrorContent": (step.stderr or invocation.failure)[:STDERR],
        "StandardErrorUrl": _error_url(step),
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
    }


def _step(invocation: Invocation, name: str) -> StepResult:
    """Return the named step. "If the document contains more than one step, you must specify the name"."""
    found = [step for step in invocation.steps if name in ("", step.name)]
    if len(found) != 1:
        raise Refused("InvalidPluginName", "")
    return found[0]


def _error_url(step: StepResult) -> str:
    return f"{step.output_url.removesuffix('stdout')}stderr" if step.output_url else ""


def _time(at: float | None) -> str:
    if at is None:
        return ""
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _newest_first(request: Record) -> list[Command]:
    wanted = request.get("CommandId")
    found = [one for one in commands.store.values() if not wanted or one.id == wanted]
    return sorted(found, key=lambda command: command.requested_at, reverse=True)


def _list(request: Record) -> Record:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommands.html"""
    filters = _filters(request, _COMMAND_FILTERS)
    instance = request.get("InstanceId")
    rows = [
        _command(command)
        for command in _newest_first(request)
        if (not instance or instance in command.invocations)
        and _passes(filters, command.status(), command.requested_at, command.name)
    ]
    return page("Commands", rows, request)


def _list_invocations(request: Record) -> Record:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommandInvocations.html"""
    filters = _filters(request, _COMMAND_FILTERS)
    instance = request.get("InstanceId")
    rows = [
        _invocation(command, invocation, with_details=bool(request.get("Details")))
        for command in _newest_first(request)
        for invocation in command.invocations.values()
        if instance in (None, "", invocation.instance_id)
        and _passes(filters, invocation.status, command.requested_at, command.name)
    ]
    return page("CommandInvocations", rows, request)


def _filters(request: Record, known: tuple[str, ...]) -> dict[str, str]:
    wanted = {row["key"]: row["value"] for row in request.get("Filters") or []}
    if not set(wanted) <= set(known):
        raise Refused("InvalidFilterKey", "The specified filter key isn't valid.")
    return wanted


def _passes(filters: dict[str, str], status: str, requested_at: float, document: str) -> bool:
    def read(value: str) -> float:
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()

    checks: dict[str, Callable[[str], bool]] = {
        "Status": lambda value: status == value,
        "ExecutionStage": lambda value: status in _STAGES.get(value, ()),
        "DocumentName": lambda value: document == value,
        "InvokedAfter": lambda value: requested_at >= read(value),
        "InvokedBefore": lambda value: requested_at <= read(value),
    }
    return all(checks[key](value) for key, value in filters.items())


def _invocation(command: Command, invocation: Invocation, *, with_details: bool) -> Record:
    row: dict[str, Any] = {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "InstanceName": (ec2._instances.get(invocation.instance_id) or {}).get("PrivateDnsName", ""),
        "Comment": str(command.request.get("Comment") or ""),
        "DocumentName": command.document,
        "DocumentVersion": str(command.request.get("DocumentVersion") or "$DEFAULT"),
        "RequestedDateTime": invocation.requested_at,
        "Status": invocation.status,
        "StatusDetails": invocation.detail,
        "StandardOutputUrl": invocation.steps[-1].output_url if invocation.steps else "",
        "StandardErrorUrl": _error_url(invocation.steps[-1]) if invocation.steps else "",
        "CommandPlugins": [_plugin(invocation, step) for step in invocation.steps] if with_details else [],
    }
    return row


def _plugin(invocation: Invocation, step: StepResult) -> Record:
    output = f"{step.stdout}\n----------ERROR-------\n{step.stderr}" if step.stderr else step.stdout
    return {
        "Name": step.name,
        "Status": step.status,
        "StatusDetails": step.status,
        "ResponseCode": step.code,
        **({"ResponseStartDateTime": invocation.started_at} if invocation.started_at else {}),
        **({"ResponseFinishDateTime": invocation.ended_at} if invocation.ended_at else {}),
        "Output": output[:OUTPUT],
        "StandardOutputUrl": step.output_url,
        "StandardErrorUrl": _error_url(step),
    }


ACTIONS: dict[str, Callable[[Record], Record]] = {
    "SendCommand": _send,
    "GetCommandInvocation": _get_invocation,
    "ListCommands": _list,
    "ListCommandInvocations": _list_invocations,
}
