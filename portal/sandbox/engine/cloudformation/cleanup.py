"""The clean-up phase of an update or of its rollback: what has been superseded is deleted."""

import asyncio
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from portal.sandbox.engine.cloudformation import delete, events
from portal.sandbox.engine.cloudformation.run import Change, Run
from portal.sandbox.engine.cloudformation.store import Record

NOT_ALL_DELETED = "Update successful. One or more resources could not be deleted."


async def after_update(run: Run) -> None:
    """Delete what an update removed and the predecessors of what it replaced; the stack ends UPDATE_COMPLETE.

    A delete that fails does not fail the update: a removed resource stays in the stack as DELETE_FAILED.
    """
    doomed = {**_remembered(run), **_removed(run), **_predecessors(run)}
    old_definitions = ((run.previous or {}).get("_template") or {}).get("Resources") or {}
    failures, *_children = await asyncio.gather(
        delete.delete_resources(run.stack, doomed, old_definitions),
        *(after_update(child) for child in run.children.values()),
    )
    delete.forget_deleted(run.stack)
    run.stack["_gone"] = {}
    events.stack_status(run.stack, "UPDATE_COMPLETE", NOT_ALL_DELETED if failures else "")


def removed_names(run: Run) -> set[str]:
    """List the resources that the stack had and the new template no longer makes."""
    return set((run.previous or {}).get("_resources") or ()) - set(run.order)


def _removed(run: Run) -> dict[str, delete.Doomed]:
    return {
        name: delete.Doomed(run.resources[name], _old_policy(run, name))
        for name in removed_names(run)
        if name in run.resources
    }


def _predecessors(run: Run) -> dict[str, delete.Doomed]:
    doomed = {}
    for name, change in run.changes.items():
        made = change.provisioned
        if made is None or not change.replaced:
            continue
        if made.physical_id == change.before["PhysicalResourceId"]:
            _remove(made.predecessors)()  # same id, another thing behind it: no event reports it
            continue
        policy = run.policy(name, "UpdateReplacePolicy")
        doomed[name] = delete.Doomed(
            dict(change.before),
            delete.KEPT if policy in provisioners._RETAINING_POLICIES else policy,
            instead=_remove(made.predecessors) if made.predecessors else None,
        )
    return doomed


def _remove(
    predecessors: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]],
) -> Callable[[], None]:
    def work() -> None:
        for function, arguments, keywords in predecessors:
            function(*arguments, **keywords)

    return work


def _old_policy(run: Run, name: str) -> str:
    old = run.previous or {}
    template = old.get("_template") or {}
    policy = stacks._resource_policy(
        (template.get("Resources") or {}).get(name),
        "DeletionPolicy",
        run.previous_resources,
        old.get("_resolved_params") or {},
        old.get("_conditions") or {},
        template.get("Mappings") or {},
        run.stack["StackName"],
        run.stack["StackId"],
    )
    return delete.KEPT if policy in provisioners._RETAINING_POLICIES else str(policy)


def _remembered(run: Run) -> dict[str, delete.Doomed]:
    """What an earlier update that stayed failed has superseded."""
    return {name: delete.Doomed(record) for name, record in run.stack.pop("_leftovers", {}).items()}


def remember_predecessors(run: Run) -> None:
    """Note what an update that stays failed has superseded, for the next update or the delete to remove."""
    for name, change in run.changes.items():
        if change.replaced and not change.retain:
            run.stack.setdefault("_leftovers", {})[name] = change.before


def remember_successors(run: Run) -> None:
    """Note what a rollback that is stuck would have deleted, in case the stack is deleted instead."""
    run.stack["_leftovers"] = _made(run)


def _made(run: Run) -> dict[str, Record]:
    found = {name: run.resources[name] for name in run.created if name in run.resources}
    for name, change in run.changes.items():
        successor = _successor(change)
        if successor is not None:
            found[name] = successor
    return found


def restore(run: Run) -> None:
    """Give a stack back the template, parameters, resources and outputs it had before its update."""
    run.leftovers = _made(run)
    run.stack.pop("_leftovers", None)
    run.stack.update({**(run.previous or {}), "_resources": run.previous_resources})


def _successor(change: Change) -> Record | None:
    made = change.provisioned
    if made is None or made.physical_id == change.before["PhysicalResourceId"]:
        return None
    return {
        **change.before,
        "PhysicalResourceId": made.physical_id,
        "Properties": change.applied,
        "Attributes": made.attributes,
    }


async def after_rollback(run: Run) -> None:
    """Delete what a rolled-back update had made; the stack ends UPDATE_ROLLBACK_COMPLETE whatever stays."""
    await delete_made(run)
    delete.discard_planned(run.stack)
    events.stack_status(run.stack, "UPDATE_ROLLBACK_COMPLETE")


async def delete_made(run: Run) -> None:
    """Delete what a rolled-back update had made, in nested stacks too."""
    doomed = {
        name: delete.Doomed(record, _policy_of_made(run, name)) for name, record in run.leftovers.items()
    }
    await asyncio.gather(
        *(after_rollback(child) for child in run.children.values()),
        delete.delete_resources(run.stack, doomed, run.definitions),
    )


def _policy_of_made(run: Run, name: str) -> str:
    keeps = name in run.created and run.policy(name, "DeletionPolicy") == delete.KEPT
    return delete.KEPT if keeps and not run.retain_except_on_create else "Delete"
