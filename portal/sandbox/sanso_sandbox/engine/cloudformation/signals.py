"""Signals of servers to the waiting group, counted as CreationPolicy and UpdatePolicy require.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html
"""

import re
from dataclasses import dataclass, field

from ministack.services.cloudformation import handlers

from sanso_sandbox.engine.cloudformation import store
from sanso_sandbox.engine.cloudformation.responses import (
    Answer,
    Parameters,
    Refusal,
    action,
    answer,
    value,
)
from sanso_sandbox.engine.cloudformation.run import Run
from sanso_sandbox.engine.cloudformation.store import Record, Stack

GROUP = "AWS::AutoScaling::AutoScalingGroup"
SUCCESS, FAILURE = "SUCCESS", "FAILURE"
SIGNALED = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")

_engine_action = handlers._ACTION_HANDLERS["SignalResource"]


@dataclass(slots=True)
class Signals:
    """The signals of one operation on one resource, by their unique id."""

    by_id: dict[str, str] = field(default_factory=dict)
    unreported: list[str] = field(default_factory=list)  # ids whose event has not been added yet

    def count(self, status: str) -> int:
        """Return the number of signals with a status."""
        return list(self.by_id.values()).count(status)

    def reports(self) -> list[str]:
        """Return the reasons of events for the signals that have arrived since the last call."""
        reported, self.unreported = self.unreported, []
        return [f"Received {self.by_id[one]} signal with UniqueId {one}" for one in reported]


_received: dict[tuple[str, str], Signals] = {}


def install() -> None:
    """Handle signals to Auto Scaling groups here, and those to wait conditions in MiniStack."""
    handlers._ACTION_HANDLERS["SignalResource"] = action(_signal_resource)


def begin(run: Run, record: Record) -> None:
    """Start an operation on a group: store its policies, and reset its signals."""
    if record["ResourceType"] == GROUP:
        name = record["LogicalResourceId"]
        record["_policies"] = {one: run.attribute(name, one) for one in ("CreationPolicy", "UpdatePolicy")}
        _received[run.stack["StackId"], name] = Signals()


def take_back(record: Record, before: Record) -> None:
    """Let a rollback use the policies that the template had before (aws-attribute-updatepolicy)."""
    if "_policies" in before:
        record["_policies"] = before["_policies"]


def of(stack: Stack, logical_id: str) -> Signals:
    """Return the signals of the latest operation on a resource."""
    return _received.setdefault((stack["StackId"], logical_id), Signals())


def receive(stack: Stack, logical_id: str, unique_id: str, status: str) -> None:
    """Count a signal once for each id. Raises Refusal if nothing waits for it."""
    if stack["StackStatus"] not in SIGNALED:
        raise Refusal(f"Stack {stack['StackId']} is in {stack['StackStatus']} state and cannot be signaled")
    record = stack["_resources"].get(logical_id)
    if record is None:
        raise Refusal(f"Resource {logical_id} does not exist for stack {stack['StackName']}")
    if record["ResourceStatus"] not in SIGNALED:
        raise Refusal(f"Resource {logical_id} is in {record['ResourceStatus']} state and cannot be signaled")
    signals = of(stack, logical_id)
    if unique_id not in signals.by_id:
        signals.by_id[unique_id] = status
        signals.unreported.append(unique_id)


def seconds(duration: object, default: float) -> float:
    """Return the seconds of an ISO 8601 duration such as PT5M, or the default for invalid ones."""
    found = _DURATION.fullmatch(str(duration or ""))
    if not found or not any(found.groups()):
        return default
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600.0 + minutes * 60 + rest


def _signal_resource(request: Parameters) -> Answer:
    stack = store.find(value(request, "StackName"))
    logical_id, status = value(request, "LogicalResourceId"), value(request, "Status")
    record = stack["_resources"].get(logical_id) if stack else None
    if stack is None or record is None or record["ResourceType"] != GROUP or status not in (SUCCESS, FAILURE):
        found: Answer = _engine_action(request)  # also returns errors of the request
        return found
    receive(stack, logical_id, value(request, "UniqueId"), status)
    return answer("SignalResource")
