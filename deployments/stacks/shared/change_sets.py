"""The change sets of a root stack and its nested stacks."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.common.errors import AwsNotFound
from deployments.stacks.models.stacks import STACK_TYPE

MAX_DEPTH = 8
"""Maximum depth of nested stacks; a cycle in AWS's responses must not loop forever."""


def read(
    root: ChangeSet, cloudformation: CloudFormation, *, may_be_gone: bool = False
) -> dict[str, ChangeSet]:
    """Return the change sets by the path of their stack: the root's ("") and those of nested stacks.

    CloudFormation deletes nested ones of a failed change set sooner or later: with `may_be_gone` those that
    do not exist are left out, otherwise AwsNotFound is raised.
    """
    return dict(_read("", root, cloudformation, 0, may_be_gone=may_be_gone))


def _read(
    path: str, change_set: ChangeSet, cloudformation: CloudFormation, depth: int, *, may_be_gone: bool
) -> Iterator[tuple[str, ChangeSet]]:
    yield path, change_set
    if depth == MAX_DEPTH:
        return
    for change in change_set.changes:
        if change.type == STACK_TYPE and change.change_set_id:
            try:
                nested = cloudformation.describe_change_set(change.change_set_id)
            except AwsNotFound:
                if may_be_gone:
                    continue
                raise
            at = f"{path}/{change.logical_id}".lstrip("/")
            yield from _read(at, nested, cloudformation, depth + 1, may_be_gone=may_be_gone)
