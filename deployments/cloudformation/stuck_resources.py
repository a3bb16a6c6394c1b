"""The resources on which a rollback or a deletion got stuck, and which of them CloudFormation may skip.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

ROLLBACK_FAILED, DELETE_FAILED = "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"
STUCK = frozenset({ROLLBACK_FAILED, DELETE_FAILED})
"""The statuses of a stack in which a rollback or deletion failed because of single resources."""
_STACK = "AWS::CloudFormation::Stack"
_FAILED_UPDATE, _CANCELED = "UPDATE_FAILED", "Resource update cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedResource:
    """A resource in CloudFormation's list."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStack:
    """A stack with its resources. `path` is "" for the root.

    `failed_in_rollback` are the logical ids of the resources that failed since its rollback began.
    """

    path: str
    name: str
    stack_id: str
    status: str
    resources: tuple[ListedResource, ...] = ()
    failed_in_rollback: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckResource:
    """A resource that CloudFormation could not roll back or delete, and CloudFormation's reason."""

    path: str
    stack_name: str
    stack_id: str
    logical_id: str
    physical_id: str
    type: str
    reason: str

    @property
    def key(self) -> str:
        """Return the logical ids from the root stack down to the resource."""
        return f"{self.path}/{self.logical_id}".lstrip("/")

    @property
    def skip_name(self) -> str:
        """Return its name in ResourcesToSkip; below the root stack, it includes the nested stack's name."""
        return f"{self.stack_name}.{self.logical_id}" if self.path else self.logical_id

    def as_json(self) -> dict[str, str]:
        """Return it in the form of a JSON column."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read the output of `as_json`."""
        return cls(**{name: str(stored.get(name, "")) for name in _FIELDS})


_FIELDS = ("path", "stack_name", "stack_id", "logical_id", "physical_id", "type", "reason")


def stuck_in(stacks: Iterable[ListedStack]) -> tuple[StuckResource, ...]:
    """Return the resources that failed in a tree of stacks whose rollback or deletion failed, by path.

    A nested stack itself counts only if nothing in it does: its parts have to be fixed.
    """
    by_path = {stack.path: stack for stack in stacks}
    root = by_path.get("")
    if root is None or root.status not in STUCK:
        return ()
    found = _not_deleted(by_path, "") if root.status == DELETE_FAILED else _not_rolled_back(by_path, "")
    return tuple(sorted(found, key=lambda one: one.key))


def _not_deleted(stacks: Mapping[str, ListedStack], path: str) -> Iterator[StuckResource]:
    stack = stacks[path]
    for one in stack.resources:
        if one.status != DELETE_FAILED:
            continue
        below = f"{path}/{one.logical_id}".lstrip("/")
        nested = list(_not_deleted(stacks, below)) if below in stacks else []
        yield from nested or [_stuck(stack, one)]


def _not_rolled_back(stacks: Mapping[str, ListedStack], path: str) -> Iterator[StuckResource]:
    """Yield the resources that failed in the rollback: only these can be skipped."""
    stack = stacks[path]
    for one in stack.resources:
        if one.status != _FAILED_UPDATE or one.reason.startswith(_CANCELED):
            continue
        below = stacks.get(f"{path}/{one.logical_id}".lstrip("/")) if one.type == _STACK else None
        if below is not None and not below.status.startswith("DELETE_"):
            # A nested stack itself can be skipped only if it is being or was deleted.
            if below.status == ROLLBACK_FAILED:
                yield from _not_rolled_back(stacks, below.path)
        elif one.logical_id in stack.failed_in_rollback:
            yield _stuck(stack, one)


def _stuck(stack: ListedStack, one: ListedResource) -> StuckResource:
    return StuckResource(
        path=stack.path,
        stack_name=stack.name,
        stack_id=stack.stack_id,
        logical_id=one.logical_id,
        physical_id=one.physical_id,
        type=one.type,
        reason=one.reason,
    )


def retained_by_stack(chosen: Iterable[StuckResource]) -> dict[str, list[StuckResource]]:
    """Return the resources to retain, by the path of their stack, the deepest stacks first.

    RetainResources lists resources of one stack: nested stacks are deleted before the root with their own
    list.
    """
    found: dict[str, list[StuckResource]] = {}
    for one in sorted(chosen, key=lambda one: (-one.path.count("/") if one.path else 1, one.key)):
        found.setdefault(one.path, []).append(one)
    return found


def unreconciled(skipped: Iterable[StuckResource], changed: Iterable[str]) -> tuple[StuckResource, ...]:
    """Return the skipped resources that a change of the resources `changed` would not reconcile.

    A change that updates, replaces or removes a resource sends its values to AWS again; a change of its
    parent stack does not.
    """
    in_line = set(changed)
    return tuple(one for one in skipped if one.key not in in_line)
