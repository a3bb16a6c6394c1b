"""Deletes stacks with their nested stacks, and resources in the reverse order of their dependencies."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners, stacks

from sanso_sandbox.engine.cloudformation import events, graph, provision, store
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Record, Stack

logger = logging.getLogger(__name__)

KEPT = "Retain"
SNAPSHOT = "Snapshot"
CLEANUP_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Doomed:
    """A resource to delete: its record (a predecessor's, after a replacement) and its deletion policy."""

    record: Record
    policy: str = "Delete"  # Delete, Retain (skipped with an event) or Snapshot
    forced: bool = False  # FORCE_DELETE_STACK: kept if it cannot be deleted
    instead: Callable[[], None] | None = None  # deletes a predecessor that its handler has superseded


async def delete_resources(
    stack: Stack, doomed: Mapping[str, Doomed], definitions: Mapping[str, Any], *, cleanup: bool = False
) -> dict[str, str]:
    """Delete resources in parallel, dependent ones first.

    Returns the reasons of failed deletes, by logical id; the dependencies of these resources are not deleted.
    A cleanup attempts each delete three times, and then continues with the dependencies ("tries to delete a
    resource three times before CloudFormation skips the resource and continues the cleanup process" in
    https://repost.aws/knowledge-center/cloudformation-stack-cleanup-stuck).
    """
    failures: dict[str, str] = {}
    attempts = CLEANUP_ATTEMPTS if cleanup else 1

    async def step(logical_id: str) -> bool:
        one = doomed[logical_id]
        record = one.record
        if one.policy == KEPT:
            events.resource_status(stack, record, "DELETE_SKIPPED")
            return True
        for _attempt in range(attempts):
            try:
                await _delete_one(stack, one)
            except Exception as error:  # noqa: BLE001  (a resource handler may raise anything)
                if one.forced:
                    events.resource_status(stack, record, "DELETE_SKIPPED", str(error))
                    return True
                logger.info("%s of %s was not deleted: %s", logical_id, stack["StackName"], error)
                events.resource_status(stack, record, "DELETE_FAILED", str(error))
                failures[logical_id] = str(error)
            else:
                failures.pop(logical_id, None)
                events.resource_status(stack, record, "DELETE_COMPLETE")
                return True
        return cleanup

    await graph.walk(graph.dependents(definitions, doomed), step, asyncio.Event())
    return failures


async def _delete_one(stack: Stack, one: Doomed) -> None:
    record = one.record
    if record["ResourceType"] == STACK_TYPE and record["PhysicalResourceId"]:
        events.resource_status(stack, record, "DELETE_IN_PROGRESS")
        provision.check("delete", stack, record, {})
        await _delete_nested(record)
        return
    await provision.finish_late(stack, record)
    if not record["PhysicalResourceId"]:
        return  # nothing was created; AWS reports DELETE_COMPLETE at once
    events.resource_status(stack, record, "DELETE_IN_PROGRESS")
    await provision.delete(stack, record, snapshot=one.policy == SNAPSHOT, instead=one.instead)


async def _delete_nested(record: Record) -> None:
    """Delete the nested stack of a resource. Raises ValueError if some of it remains."""
    child = store.find(record["PhysicalResourceId"])
    if child is None or child["StackStatus"] == "DELETE_COMPLETE":
        return
    await delete_stack(child)
    if child["StackStatus"] != "DELETE_COMPLETE":
        raise ValueError(
            f"Embedded stack {child['StackId']} was not successfully deleted: {child['StackStatusReason']}"
        )


async def delete_stack(
    stack: Stack, retain: Iterable[str] = (), force: bool = False, reason: str = events.USER_INITIATED
) -> None:
    """Delete a stack; it ends in DELETE_COMPLETE, with its record under its StackId, or in DELETE_FAILED.

    Args:
        retain: RetainResources: logical ids of resources to keep.
        force: FORCE_DELETE_STACK: keep resources that cannot be deleted, and their dependencies.
        reason: the reason in the event.
    """
    begin_delete(stack, reason)
    await finish_delete(stack, retain, force)


def begin_delete(stack: Stack, reason: str = events.USER_INITIATED) -> None:
    """Move a stack to DELETE_IN_PROGRESS."""
    events.begin_operation(stack, "DELETE_STACK")
    events.stack_status(stack, "DELETE_IN_PROGRESS", reason)


async def finish_delete(stack: Stack, retain: Iterable[str] = (), force: bool = False) -> None:
    """Delete the resources of a stack that is in DELETE_IN_PROGRESS, then the stack."""
    template = stack.get("_template") or {}
    definitions = template.get("Resources") or {}
    records = stack["_resources"]
    kept = set(retain) | (_unreachable(records, definitions) if force else set())
    doomed = {
        logical_id: Doomed(
            record,
            KEPT if logical_id in kept else _policy(stack, definitions.get(logical_id), template),
            forced=force,
        )
        for logical_id, record in records.items()
    }
    leftovers = stack.pop("_leftovers", {})
    await delete_resources(stack, {name: Doomed(record) for name, record in leftovers.items()}, definitions)
    failures = await delete_resources(stack, doomed, definitions)
    forget_deleted(stack)
    if failures:
        events.stack_status(
            stack,
            "DELETE_FAILED",
            f"The following resource(s) failed to delete: [{', '.join(failures)}]. ",
        )
        return
    for output in stack.get("Outputs") or []:
        cloudformation._exports.pop(output.get("ExportName") or "", None)
    drop_change_sets(stack)
    discard_planned(stack)
    events.stack_status(stack, "DELETE_COMPLETE")
    store.stacks.retire(stack)


def discard_planned(stack: Stack) -> None:
    """Delete the nested stacks that a change set planned and that were not created."""
    for child in store.children_of(stack):
        if child["StackStatus"] == "REVIEW_IN_PROGRESS":
            delete_empty(child)


def delete_empty(stack: Stack) -> None:
    """Delete a stack without resources, and those planned below it, at once."""
    begin_delete(stack)
    drop_change_sets(stack)
    discard_planned(stack)
    events.stack_status(stack, "DELETE_COMPLETE")
    store.stacks.retire(stack)


def forget_deleted(stack: Stack) -> None:
    """Move deleted and skipped resources out of the records that other resources may refer to."""
    gone, records = stack.setdefault("_gone", {}), stack["_resources"]
    for logical_id, record in list(records.items()):
        if record["ResourceStatus"] in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
            gone[logical_id] = records.pop(logical_id)


def _policy(stack: Stack, definition: Any, template: dict[str, Any]) -> str:
    policy = stacks._resource_policy(
        definition,
        "DeletionPolicy",
        stack["_resources"],
        stack.get("_resolved_params") or {},
        stack.get("_conditions") or {},
        template.get("Mappings") or {},
        stack["StackName"],
        stack["StackId"],
    )
    return KEPT if policy in provisioners._RETAINING_POLICIES else str(policy)


def _unreachable(records: dict[str, Record], definitions: dict[str, Any]) -> set[str]:
    """Return the resources whose last delete failed, and all their dependencies."""
    found = {name for name, record in records.items() if record["ResourceStatus"] == "DELETE_FAILED"}
    pending = list(found)
    while pending:
        needed = engine._extract_deps(definitions.get(pending.pop()) or {}, set(records)) - found
        found |= needed
        pending.extend(needed)
    return found


def drop_change_sets(stack: Stack) -> None:
    """Delete the change sets of a stack, as its deletion does."""
    change_sets = cloudformation._change_sets
    for change_set_id in [key for key, found in change_sets.items() if found["StackId"] == stack["StackId"]]:
        change_sets.pop(change_set_id, None)
