"""The change sets of a root stack and its nested stacks."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.models.stack import STACK_TYPE

MAX_DEPTH = 8
"""Maximum depth of nested stacks; a cycle in AWS's responses must not loop forever."""


def read(root: ChangeSet, cloudformation: CloudFormation) -> dict[str, ChangeSet]:
    """Return the change sets by the path of their stack: the root's ("") and those of nested stacks."""
    return dict(_read("", root, cloudformation, 0))


def _read(
    path: str, change_set: ChangeSet, cloudformation: CloudFormation, depth: int
) -> Iterator[tuple[str, ChangeSet]]:
    yield path, change_set
    if depth == MAX_DEPTH:
        return
    for change in change_set.changes:
        if change.type == STACK_TYPE and change.change_set_id:
            nested = cloudformation.describe_change_set(change.change_set_id)
            at = f"{path}/{change.logical_id}".lstrip("/")
            yield from _read(at, nested, cloudformation, depth + 1)
