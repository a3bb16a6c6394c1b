"""The change set of a root stack with those of its nested stacks: read, stored, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from deployments.aws.cloudformation import ChangeSet, CloudFormation
from deployments.models import Deployment
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


def stored(tree: Mapping[str, ChangeSet]) -> dict[str, Any]:
    """Return the changes by the path of their stack, as the deployment's row stores them."""
    return {
        "stacks": {
            path: [_without_ids(asdict(change)) for change in change_set.changes]
            for path, change_set in tree.items()
        }
    }


def _without_ids(change: dict[str, Any]) -> dict[str, Any]:
    """Leave out the id of the nested change set, which is another one each time."""
    return {name: value for name, value in change.items() if name != "change_set_id"}


def digest(deployment: Deployment, changes: Mapping[str, Any]) -> str:
    """Return the digest of what is shown and approved: the changes, the template set, the parameters.

    Of secrets only that they are there: `sealed_parameters` is another text each time.
    """
    shown = [changes, deployment.template_digest, deployment.parameters, bool(deployment.sealed_parameters)]
    shown += [str(deployment.token), deployment.revision]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
