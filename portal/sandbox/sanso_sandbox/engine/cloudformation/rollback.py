"""Rollbacks: a create's resources are deleted, an update's are restored."""

import asyncio
import logging
from collections.abc import Iterator

from ministack.services.cloudformation import provisioners, stacks

from sanso_sandbox.engine import faults
from sanso_sandbox.engine.cloudformation import (
    cleanup,
    delete,
    events,
    graph,
    provision,
    reasons,
    signals,
)
from sanso_sandbox.engine.cloudformation.run import Change, Run
from sanso_sandbox.engine.cloudformation.store import Record

logger = logging.getLogger(__name__)


async def roll_back_create(run: Run, reason: str) -> None:
    """Delete a failed create's resources, except retained ones; it ends in ROLLBACK_COMPLETE or _FAILED."""
    stack = run.stack
    stack.pop("_failed_operation", None)
    events.stack_status(stack, "ROLLBACK_IN_PROGRESS", reason)
    failures = await delete.delete_resources(stack, doomed_by_create(run, run.created), run.definitions)
    delete.forget_deleted(stack)
    delete.discard_planned(stack)
    if failures:
        events.stack_status(
            stack,
            "ROLLBACK_FAILED",
            f"The following resource(s) failed to delete: [{', '.join(failures)}]. ",
        )
    else:
        events.stack_status(stack, "ROLLBACK_COMPLETE")


async def delete_failed(run: Run, reason: str) -> None:
    """Delete a stack whose create failed, as OnFailure=DELETE requires."""
    await delete.delete_stack(run.stack, reason=reason)


def doomed_by_create(run: Run, created: list[str]) -> dict[str, delete.Doomed]:
    """Return the created resources that a rollback deletes or skips, with their policies.

    Retain applies unless the policy RetainExceptOnCreate, or the request's option, makes an exception.
    """
    return {
        name: delete.Doomed(
            run.resources[name],
            "Retain"
            if run.policy(name, "DeletionPolicy") == "Retain" and not run.retain_except_on_create
            else "Delete",
        )
        for name in created
        if name in run.resources
    }


def start_update_rollback(run: Run, reason: str) -> "asyncio.Task[bool]":
    """Start to roll an update back, once; later calls return the same task, whose result is its success."""
    if run.rolling_back is None:
        if run.cancelled:
            stacks.CLIENT_REQUEST_TOKEN.set(run.cancel_token)
        run.stack.pop("_failed_operation", None)
        if run.stack["StackStatus"] != "UPDATE_ROLLBACK_IN_PROGRESS":
            events.stack_status(run.stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
        run.rolling_back = asyncio.ensure_future(_roll_back_update(run))
    return run.rolling_back


async def _roll_back_update(run: Run) -> bool:
    """Restore an update's resources. A root's cleanup follows; a nested stack's waits for its parent."""
    failures: dict[str, Run] = {}

    async def step(name: str) -> bool:
        if name in run.reverted or await _revert(run, name):
            run.reverted.add(name)
            return True
        failures[name] = run
        return False

    touched = [name for name in run.previous_resources if name in run.changes or name in run.children]
    old_definitions = ((run.previous or {}).get("_template") or {}).get("Resources") or {}
    await graph.walk(graph.dependencies(old_definitions, touched), step, asyncio.Event())
    if failures:
        run.stack["_rollback_failed"] = failures
        run.stack["_rollback_run"] = run
        cleanup.remember_successors(run)
        events.stack_status(
            run.stack,
            "UPDATE_ROLLBACK_FAILED",
            f"The following resource(s) failed to update: [{', '.join(failures)}]. ",
        )
        return False
    await _end_update_rollback(run)
    return True


async def _end_update_rollback(run: Run) -> None:
    run.stack.pop("_rollback_failed", None)
    run.stack.pop("_rollback_run", None)
    if run.earlier is not None:
        cleanup.restore(run)
        await cleanup.delete_made(run)
        run.earlier.rolling_back = None
        await start_update_rollback(run.earlier, events.USER_INITIATED)
        return
    events.stack_status(run.stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    cleanup.restore(run)
    if run.parent is None:
        await cleanup.after_rollback(run)


async def _revert(run: Run, name: str) -> bool:
    """Restore a resource, with its events; return whether that succeeded."""
    record = run.previous_resources[name]
    current = run.resources.get(name) or record
    if name in run.children:
        return await _revert_nested(run, name, current)
    change = run.changes[name]
    if change.called:
        await provision.finish_late(run.stack, current)
    if not change.called:
        run.report(current, "UPDATE_COMPLETE")
        return True
    run.report(current, "UPDATE_IN_PROGRESS")
    signals.take_back(current, record)
    try:
        await _send_back(run, record, change)
    except (ValueError, provision.Refused) as error:
        logger.info("%s of %s was not rolled back: %s", name, run.stack["StackName"], error)
        run.report(current, "UPDATE_FAILED", str(error))
        return False
    current.update(PhysicalResourceId=record["PhysicalResourceId"])
    run.report(current, "UPDATE_COMPLETE")
    record.update(ResourceStatus="UPDATE_COMPLETE", Timestamp=current["Timestamp"])
    return True


async def _send_back(run: Run, record: Record, change: Change) -> None:
    if failure := faults.resource_failure("rollback", record["LogicalResourceId"]):
        raise ValueError(reasons.of_fault(failure))
    if change.replaced or provisioners._replacing_change(
        record["ResourceType"], change.previous, change.applied
    ):
        return  # the predecessor still exists; the cleanup deletes its successor
    applied = {**record, "Attributes": dict(record["Attributes"])}
    reverted = await provision.update(
        run.stack, applied, change.applied, change.previous, stop=asyncio.Event()
    )
    record["Attributes"] = reverted.attributes or record["Attributes"]


async def _revert_nested(run: Run, name: str, record: Record) -> bool:
    child = run.children[name]
    run.report(record, "UPDATE_IN_PROGRESS")
    if not await start_update_rollback(child, child.reason):
        run.report(
            record,
            "UPDATE_FAILED",
            f"Embedded stack {child.stack['StackId']} was not successfully updated. Currently in "
            f"{child.stack['StackStatus']} with reason: {child.stack['StackStatusReason']}",
        )
        return False
    run.report(record, "UPDATE_COMPLETE")
    return True


async def continue_rollback(run: Run, skipped: set[str]) -> None:
    """Retry a failed rollback; skipped resources count as UPDATE_COMPLETE in their current state.

    Args:
        skipped: logical ids; those of nested stacks at any depth as NestedStackName.LogicalId.
    """
    run.cancelled = False
    for prefix, one in _tree(run):
        names = {entry.removeprefix(prefix) for entry in skipped if entry.startswith(prefix)}
        _try_again(one, names)
    await start_update_rollback(run, events.USER_INITIATED)


def _tree(run: Run, prefix: str = "") -> Iterator[tuple[str, Run]]:
    """Yield the operation on each stack of a tree, with the prefix of its resources' names."""
    yield prefix, run
    for child in run.children.values():
        yield from _tree(child, f"{child.stack['StackName']}.")


def _try_again(run: Run, skipped: set[str]) -> None:
    if run.stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
        run.rolling_back = None
    for name in skipped & set(run.changes):
        run.changes[name].called = False


def failed_names(run: Run) -> set[str]:
    """Return the names that ContinueUpdateRollback may skip."""
    return {
        f"{prefix}{name}"
        for prefix, one in _tree(run)
        for name in one.stack.get("_rollback_failed") or ()
        # A nested stack itself can only be skipped when it is being deleted (API_ContinueUpdateRollback).
        if name not in one.children or one.children[name].stack["StackStatus"].startswith("DELETE_")
    }
