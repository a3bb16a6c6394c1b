"""Create the rows of stacks and resources before their first event, from change sets or from a live stack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from django.db import transaction

from deployments.aws.cloudformation import ChangeSet, CloudFormation, ResourceChange, ResourceView
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.status import DELETED
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.common.errors import AwsNotFound
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.shared import change_sets, forecast

MAX_DEPTH = 8
"""Maximum depth of nested stacks; a cycle in AWS's responses must not loop forever."""


def root_of(deployment: Deployment, stack_id: str, name: str) -> Stack:
    """Return the root stack's row; create it if it does not exist."""
    root, _ = Stack.objects.get_or_create(
        deployment=deployment, path="", defaults={"stack_id": stack_id, "name": name, "settled": False}
    )
    if root.stack_id != stack_id:
        root.stack_id = stack_id
        root.save(update_fields=["stack_id"])
    return root


def child_of(parent: Stack, logical_id: str, stack_id: str) -> Stack:
    """Return the row of a nested stack; create it if it does not exist, and set its id once it is known."""
    path = f"{parent.path}/{logical_id}".lstrip("/")
    child, _ = Stack.objects.get_or_create(
        deployment_id=parent.deployment_id,
        path=path,
        defaults={
            "parent": parent,
            "depth": parent.depth + 1,
            "stack_id": stack_id,
            "bookmark": parent.deployment.bookmarks.get(path, ""),
        },
    )
    if stack_id and child.stack_id != stack_id:
        child.stack_id, child.bookmark = stack_id, ""
        child.save(update_fields=["stack_id", "bookmark"])
    return child


def seed_from_change_sets(
    deployment: Deployment, tree: Mapping[str, ChangeSet], planned: Mapping[str, TemplateStack]
) -> tuple[int, int]:
    """Create a pending row for every resource that the change sets will create.

    `tree` has them by the path of their stack, a stack before those nested in it. Return (resources, stacks).
    Where CloudFormation rejects nested ones, `planned` has the stacks of the template set.
    """
    root = root_of(deployment, tree[""].stack_id, deployment.environment.stack_name)
    rows = {"": root}
    resources = 0
    for path, change_set in tree.items():
        stack = rows[path]
        resources += len(change_set.changes)
        _pending(stack, change_set.changes)
        for change in change_set.changes:
            if change.type == STACK_TYPE:
                below = f"{path}/{change.logical_id}".lstrip("/")
                stack_id = tree[below].stack_id if below in tree else ""
                rows[below] = child_of(stack, change.logical_id, stack_id)
    stacks = len(tree)
    for path, one in planned.items():
        if path:
            stacks += 1
            resources += _planned(root, path, one)
    forecast.of_create(deployment)
    return resources, stacks


def _planned(root: Stack, path: str, planned: TemplateStack) -> int:
    """Create the rows of a nested stack that a template set plans. Return the number of resources."""
    stack = root
    for logical_id in path.split("/"):
        stack = child_of(stack, logical_id, "")
    known = {
        name: body
        for name, body in planned.resources.items()
        if "Condition" not in body or planned.scope.condition(body["Condition"])
    }
    _pending(
        stack,
        [
            ResourceChange(action="Add", logical_id=name, type=str(body.get("Type") or ""))
            for name, body in known.items()
        ],
    )
    return len(known)


def _pending(stack: Stack, changes: Iterable[ResourceChange | ResourceView]) -> None:
    """Create pending rows of resources."""
    _add(stack, ((one, {}) for one in changes))


def _add(stack: Stack, rows: Iterable[tuple[ResourceChange | ResourceView, dict[str, str]]]) -> None:
    """Create the rows of resources that have none, with further values of each."""
    with transaction.atomic():
        stored = set(Resource.objects.filter(stack=stack).values_list("logical_id", flat=True))
        Resource.objects.bulk_create(
            [
                Resource(
                    stack=stack,
                    logical_id=one.logical_id,
                    type=one.type,
                    physical_id=one.physical_id,
                    **values,
                )
                for one, values in rows
                if one.logical_id not in stored
            ]
        )


def seed_from_update(
    deployment: Deployment, root_change_set: ChangeSet, cloudformation: CloudFormation
) -> None:
    """Create a pending row for every resource that an update will change, and bookmark each stack.

    Only events after the bookmarks belong to this deployment, also in unchanged stacks, which an update
    passes through too. A second call continues where an earlier one was interrupted.
    """
    tree = change_sets.read(root_change_set, cloudformation)
    stack_ids = {path: change_set.stack_id for path, change_set in tree.items()}
    _bookmark(deployment, stack_ids, cloudformation)
    rows: dict[str, Stack] = {}
    for path, change_set in tree.items():
        above, _, logical_id = path.rpartition("/")
        if path:
            rows[path] = child_of(rows[above], logical_id, change_set.stack_id)
        else:
            rows[path] = root_of(deployment, change_set.stack_id, deployment.environment.stack_name)
            Stack.objects.filter(pk=rows[path].pk).update(bookmark=deployment.bookmarks.get("", ""))
        _pending(rows[path], change_set.changes)
    forecast.of_update(deployment)


def _bookmark(deployment: Deployment, stack_ids: dict[str, str], cloudformation: CloudFormation) -> None:
    """Store the newest event of each stack of the environment, those in `stack_ids` (by path) included."""
    known = {row.path: row.stack_id for row in Stack.objects.known_of(deployment.environment)} | stack_ids
    for path, stack_id in known.items():
        if path in deployment.bookmarks or not stack_id:
            continue
        with suppress(AwsNotFound):  # a nested stack of an earlier deployment, deleted since
            newest = cloudformation.newest_event_id(stack_id)
            deployment.record(bookmarks=deployment.bookmarks | {path: newest})


def seed_from_rollback(
    deployment: Deployment,
    root_id: str,
    retried: Iterable[StuckResource],
    cloudformation: CloudFormation,
) -> None:
    """Create a pending row for every resource that a continued rollback retries, and bookmark the stacks.

    A second call continues where an earlier one was interrupted.
    """
    resources = list(retried)
    _bookmark(deployment, {one.path: one.stack_id for one in resources} | {"": root_id}, cloudformation)
    rows = {"": root_of(deployment, root_id, deployment.environment.stack_name)}
    Stack.objects.filter(pk=rows[""].pk).update(bookmark=deployment.bookmarks.get("", ""))
    known = {row.path: row.stack_id for row in Stack.objects.known_of(deployment.environment)}
    for one in resources:
        parts = one.path.split("/") if one.path else []
        for depth, name in enumerate(parts):
            above, path = "/".join(parts[:depth]), "/".join(parts[: depth + 1])
            stack_id = one.stack_id if path == one.path else known.get(path, "")
            rows[path] = child_of(rows[above], name, stack_id)
        Resource.objects.get_or_create(
            stack=rows[one.path],
            logical_id=one.logical_id,
            defaults={"type": one.type, "physical_id": one.physical_id},
        )


def seed_from_stack(deployment: Deployment, stack_id: str, cloudformation: CloudFormation) -> int:
    """Create the rows of a delete: a row for every resource that exists. Return the number of resources."""
    resources = seed_existing(deployment, stack_id, cloudformation)
    forecast.of_delete(deployment)
    return resources


def seed_existing(deployment: Deployment, stack_id: str, cloudformation: CloudFormation) -> int:
    """Create a row for every resource that exists, and bookmark each stack's latest event.

    Only events after the bookmarks belong to this deployment. Return the number of resources.
    """
    waiting = [root_of(deployment, stack_id, deployment.environment.stack_name)]
    resources = 0
    while waiting:
        stack = waiting.pop()
        try:
            listed = cloudformation.list_resources(stack.stack_id)
            bookmark = cloudformation.newest_event_id(stack.stack_id)
        except AwsNotFound:
            continue  # a nested stack that has been deleted
        existing = [view for view in listed if view.status != DELETED]
        resources += len(existing)
        _add(stack, ((view, {"status": view.status, "reason": view.reason}) for view in existing))
        stack.bookmark = bookmark
        stack.save(update_fields=["bookmark"])
        for view in existing:
            if view.type == STACK_TYPE and view.physical_id and stack.depth < MAX_DEPTH:
                waiting.append(child_of(stack, view.logical_id, view.physical_id))
    return resources


def seed_from_failure(
    deployment: Deployment, stack_id: str, cloudformation: CloudFormation, touched: Collection[str]
) -> int:
    """Create a pending row for every resource that a failed update has touched, and bookmark each stack.

    `touched` are their paths and those of their parent stacks. Return the number of resources. A second call
    continues where an earlier one was interrupted.
    """
    rows: dict[str, Stack] = {}
    resources = 0
    for path, id_, existing in _existing_stacks(deployment, stack_id, cloudformation):
        above, _, logical_id = path.rpartition("/")
        if not path:
            rows[path] = root_of(deployment, id_, deployment.environment.stack_name)
            Stack.objects.filter(pk=rows[path].pk).update(bookmark=deployment.bookmarks.get("", ""))
        elif path in touched and above in rows:
            rows[path] = child_of(rows[above], logical_id, id_)
        else:
            continue
        views = [view for at, view in existing.items() if at in touched]
        resources += len(views)
        _pending(rows[path], views)
    forecast.of_delete(deployment)
    return resources


def _existing_stacks(
    deployment: Deployment, stack_id: str, cloudformation: CloudFormation
) -> Iterator[tuple[str, str, dict[str, ResourceView]]]:
    """Yield (path, id, resources by path) of each stack, parents first, and bookmark it."""
    waiting = [("", stack_id)]
    while waiting:
        path, id_ = waiting.pop()
        try:
            listed = cloudformation.list_resources(id_)
            if path not in deployment.bookmarks:
                newest = cloudformation.newest_event_id(id_)
                deployment.record(bookmarks=deployment.bookmarks | {path: newest})
        except AwsNotFound:
            continue  # a nested stack that has been deleted
        there = [view for view in listed if view.status != DELETED]
        existing = {f"{path}/{view.logical_id}".lstrip("/"): view for view in there}
        nested = ((at, view.physical_id) for at, view in existing.items() if view.type == STACK_TYPE)
        waiting += [(at, nested_id) for at, nested_id in nested if nested_id and at.count("/") < MAX_DEPTH]
        yield path, id_, existing
