"""The store of stacks, with lookup by name or StackId without a scan; deleted ones stay under their StackId.

A stack is MiniStack's own record, a dictionary; keys with an underscore are not part of responses. Ours are
    _parent_stack_name     the parent's name
    _events                its events, oldest first
    _operations            [{"OperationType", "OperationId"}], newest last
    _gone                  {logical id: record} of deleted resources, for the resource listings
        _leftovers             {logical id: record} of resources that a failed update superseded or created
    _planned               {logical id: change set id} of the nested change sets that are being executed
        _secrets               values of NoEcho parameters that it has had
        _tokens                {client request token: action} of the accepted operations
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from ministack.core import responses
from ministack.services import cloudformation

from sanso_sandbox.engine import time_scale

Stack: TypeAlias = dict[str, Any]
Template: TypeAlias = dict[str, Any]
Record: TypeAlias = dict[str, Any]

STACK_TYPE = "AWS::CloudFormation::Stack"


class StackStore(responses.AccountRegionScopedDict):  # type: ignore[misc]
    """MiniStack's store of stacks by account, region and name, with an index by StackId."""

    __slots__ = ("by_id", "children")

    def __init__(self) -> None:
        super().__init__()
        self.by_id: dict[str, Stack] = {}
        self.children: dict[str, list[str]] = {}

    def __setitem__(self, name: str, stack: Stack) -> None:
        super().__setitem__(name, stack)
        if stack["StackId"] not in self.by_id and stack.get("ParentId"):
            self.children.setdefault(stack["ParentId"], []).append(stack["StackId"])
        self.by_id[stack["StackId"]] = stack

    def pop(self, name: str, *default: Any) -> Any:
        stack = super().pop(name, *default)
        if isinstance(stack, dict):
            self._unlist(stack)
        return stack

    def __delitem__(self, name: str) -> None:
        self._unlist(self[name])
        super().__delitem__(name)

    def clear(self) -> None:
        super().clear()
        self.by_id.clear()
        self.children.clear()

    def retire(self, stack: Stack) -> None:
        """Release the name of a deleted stack; the record stays under its StackId."""
        if self.get(stack["StackName"]) is stack:
            self._data.pop(self._scoped(stack["StackName"]))
        self._data[self._scoped(stack["StackId"])] = stack

    def forget(self, account: str) -> None:
        """Remove all stacks of an account."""
        for key in [key for key in self._data if key[0] == account]:
            self._unlist(self._data.pop(key))

    def _unlist(self, stack: Stack) -> None:
        self.by_id.pop(stack["StackId"], None)
        self.children.pop(stack["StackId"], None)
        siblings = self.children.get(stack.get("ParentId") or "", [])
        if stack["StackId"] in siblings:
            siblings.remove(stack["StackId"])


stacks = StackStore()


@dataclass(slots=True)
class Running:
    """The current operation on a stack: its task, and the run by which it can be stopped."""

    task: asyncio.Task[Any]
    run: Any


# By StackId; a nested stack's operation is part of its root's task and has no entry.
running: dict[str, Running] = {}


def install() -> None:
    """Make MiniStack use this store."""
    cloudformation._stacks = stacks


def new_stack(name: str, status: str, parent: Stack | None = None) -> Stack:
    """Store and return the empty record of a stack in the current account and region."""
    region, account = responses.get_region(), responses.get_account_id()
    stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{responses.new_uuid()}"
    stack: Stack = {
        "StackName": name,
        "StackId": stack_id,
        "StackStatus": status,
        "StackStatusReason": "",
        "CreationTime": responses.now_iso(),
        "Description": "",
        "Parameters": [],
        "Tags": [],
        "Outputs": [],
        "Capabilities": [],
        "NotificationARNs": [],
        "DisableRollback": bool(parent and parent["DisableRollback"]),
        "_resources": {},
        "_template": {},
        "_template_body": "",
        "_resolved_params": {},
        "_conditions": {},
        "_region": region,
        "_stored_at": time_scale.Moment(),
    }
    if parent is not None:
        stack.update(
            _parent_stack_name=parent["StackName"],
            ParentId=parent["StackId"],
            RootId=parent.get("RootId") or parent["StackId"],
        )
    stacks[name] = stack
    return stack


def find(reference: str) -> Stack | None:
    """Return a stack of the current account and region by name, or by StackId even if it is deleted."""
    if not reference.startswith("arn:"):
        found: Stack | None = stacks.get(reference)
        return found
    stack = stacks.by_id.get(reference)
    home = f":{responses.get_region()}:{responses.get_account_id()}:"
    return stack if stack is not None and home in reference else None


def is_unfinished(record: Record | None) -> bool:
    """Return whether a resource is a nested stack kept after a failed creation, which is updated then."""
    if record is None or record["ResourceType"] != STACK_TYPE or not record["PhysicalResourceId"]:
        return False
    stack = find(record["PhysicalResourceId"])
    return stack is not None and stack["StackStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")


def events_of(stack: Stack) -> list[dict[str, Any]]:
    """Return the events of a stack, oldest first."""
    found: list[dict[str, Any]] = stack.setdefault("_events", [])
    return found


def newest_first() -> list[Stack]:
    """Return the stacks of the current account and region, including deleted ones."""
    return sorted(stacks.values(), key=lambda stack: str(stack["CreationTime"]), reverse=True)


def children_of(stack: Stack) -> Iterator[Stack]:
    """Yield all nested stacks that a stack has had, oldest first."""
    for child in list(stacks.children.get(stack["StackId"], ())):
        if child in stacks.by_id:
            yield stacks.by_id[child]


def root_of(stack: Stack) -> Stack:
    """Return the root of a nested stack; a stack without a parent itself."""
    return stacks.by_id.get(stack.get("RootId") or "", stack)
