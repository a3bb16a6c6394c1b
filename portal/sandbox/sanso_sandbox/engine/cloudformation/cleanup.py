"""The cleanup phase of an update or of its rollback, which deletes superseded resources."""

import asyncio
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from sanso_sandbox.engine.cloudformation import delete, events
from sanso_sandbox.engine.cloudformation.run import Change, Run
from sanso_sandbox.engine.cloudformation.store import Record

NOT_ALL_DELETED = "Update successful. One or more resources could not be deleted."


async def after_update(run: Run) -> None:
    """Delete removed resources and the predecessors of replaced ones; the stack ends in UPDATE_COMPLETE.

    A failed delete does not fail the update: the resource leaves the stack and stays in the account, and so
    do those of its dependencies that cannot be deleted while it exists ("Resource removed from stack but not
    deleted" in https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html).
    """
    doomed = {**_remembered(run), **_removed(run), **_predecessors(run)}
    old_definitions = ((run.previous or {}).get("_template") or {}).get("Resources") or {}
    failures, *_children = await asyncio.gather(
        delete.delete_resources(run.stack, doomed, old_definitions, cleanup=True),
        *(after_update(child) for child in run.children.values()),
    )
    delete.forget_deleted(run.stack)
    for name in removed_names(run) & set(failures or ()):
        run.resources.pop(name, None)
    run.stack["_gone"] = {}
    events.stack_status(run.stack, "UPDATE_COMPLETE", NOT_ALL_DELETED if failures else "")


def removed_names(run: Run) -> set[str]:
    """Return the resources of the stack that are not in the new template."""
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
            _remove(made.predecessors)()  # another resource with the same id: no event reports its removal
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
    """Return the superseded resources of an earlier update that stayed failed."""
    return {name: delete.Doomed(record) for name, record in run.stack.pop("_leftovers", {}).items()}


def remember_predecessors(run: Run) -> None:
    """Store the superseded resources of an update that stays failed, for the next update or a delete."""
    for name, change in run.changes.items():
        if change.replaced and not change.retain:
            run.stack.setdefault("_leftovers", {})[name] = change.before


def remember_successors(run: Run) -> None:
    """Store the resources that a failed rollback would have deleted, in case the stack is deleted instead."""
    run.stack["_leftovers"] = _made(run)


def _made(run: Run) -> dict[str, Record]:
    found = {name: run.resources[name] for name in run.created if name in run.resources}
    for name, change in run.changes.items():
        successor = _successor(change)
        if successor is not None:
            found[name] = successor
    return found


def restore(run: Run) -> None:
    """Restore the template, parameters, resources and outputs that a stack had before its update."""
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
    """Delete the resources of a rolled-back update; the stack ends in UPDATE_ROLLBACK_COMPLETE regardless."""
    await delete_made(run)
    delete.discard_planned(run.stack)
    events.stack_status(run.stack, "UPDATE_ROLLBACK_COMPLETE")


async def delete_made(run: Run) -> None:
    """Delete the resources that a rolled-back update created, including those in nested stacks."""
    doomed = {
        name: delete.Doomed(record, _policy_of_made(run, name)) for name, record in run.leftovers.items()
    }
    await asyncio.gather(
        *(after_rollback(child) for child in run.children.values()),
        delete.delete_resources(run.stack, doomed, run.definitions, cleanup=True),
    )


def _policy_of_made(run: Run, name: str) -> str:
    keeps = name in run.created and run.policy(name, "DeletionPolicy") == delete.KEPT
    return delete.KEPT if keeps and not run.retain_except_on_create else "Delete"
