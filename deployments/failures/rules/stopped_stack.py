"""Which stack was stopped by what its own events do not explain, and what DescribeEvents adds to them.

CloudFormation validates a stack before it creates or updates anything, and calls the hooks of the account
before each resource. DescribeStackEvents only says that they failed:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
https://docs.aws.amazon.com/cloudformation-cli/latest/hooks-userguide/hooks-concepts.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from deployments.aws.validation_events import PROVISIONING_ERROR, FailedEvent
from deployments.cloudformation.root_cause import Failure, is_echo

_STACK: Final = "AWS::CloudFormation::Stack"
_POINTER = re.compile(
    r"DescribeEvents|hook\(s\)(?:/validation)? failed|Validation failed with \d+ error"
    r"|Validation failure detected",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StoppedStack:
    """The path of a stack that was stopped, and whether AWS's reason says that there is more to read."""

    path: str
    is_certain: bool


class FindingKind(StrEnum):
    """What stopped a stack."""

    VALIDATION = "validation"
    HOOK = "hook"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFinding:
    """What stopped a stack: a validation or a hook that failed at a resource, or the error of one.

    `path` has the logical ids below the root stack, "" for the root itself. `check` is the name of the
    validation, the type of the hook, or the resource's status. `property_path` is a path in the template.
    """

    kind: FindingKind
    path: str
    type: str
    check: str
    property_path: str
    reason: str


def stopped_stack(failure: Failure | None, stacks: Collection[str]) -> StoppedStack | None:
    """Return the stack whose operation has more to say than its events; None if they explain the failure.

    Args:
        failure: the first failure of an operation that failed; None if no event has one.
        stacks: the paths of all stacks, "" that of the root.
    """
    if failure is None:
        return StoppedStack("", is_certain=False)
    inside = f"{failure.path}/{failure.logical_id}".lstrip("/")
    path = inside if inside in stacks else failure.path  # the parent's event of a nested stack, or its own
    if _POINTER.search(failure.reason):
        return StoppedStack(path, is_certain=True)
    is_unexplained = failure.type == _STACK and (not failure.reason or is_echo(failure.reason))
    return StoppedStack(path, is_certain=False) if is_unexplained else None


def what_adds(
    events: Iterable[FailedEvent], *, reasons: Collection[str], since: datetime, first: str = ""
) -> list[FailedEvent]:
    """Return the events that add something to the log, each once: those of `first` first, then by time.

    Left out are warnings, what happened before `since` (of earlier operations), and what is part of a reason
    in the log already. Errors of resources only add something where no validation and no hook failed.

    Args:
        reasons: AWS's reasons in the log of the deployment.
        first: the logical id of the first failure.
    """
    found = {_content(one): one for one in reversed(list(_new(events, reasons, since)))}
    checks = [one for one in found.values() if one.kind != PROVISIONING_ERROR]
    chosen = checks or [one for one in found.values() if one.reason]
    return sorted(chosen, key=lambda one: (one.logical_id != first, one.at, one.logical_id, one.check))


def _new(events: Iterable[FailedEvent], reasons: Collection[str], since: datetime) -> Iterator[FailedEvent]:
    begin = since.replace(microsecond=0)  # AWS leaves out parts of a second in some places
    for one in events:
        is_known = bool(one.reason) and any(one.reason in reason for reason in reasons)
        if not one.is_warning and one.at >= begin and not is_known and not is_echo(one.reason):
            yield one


def _content(event: FailedEvent) -> tuple[str, ...]:
    return event.kind, event.logical_id, event.check, event.property_path, event.reason
