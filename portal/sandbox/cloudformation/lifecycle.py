"""The doors through which MiniStack's request handlers start an operation on a stack, led to our own runs."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Generator, Iterable
from typing import Any

from ministack.services.cloudformation import changesets, handlers, stacks

from portal.sandbox.cloudformation import create, delete, events, rollback, store, update
from portal.sandbox.cloudformation.run import Run
from portal.sandbox.cloudformation.store import Running, Stack

logger = logging.getLogger(__name__)


def install() -> None:
    """Lead every operation that MiniStack's request handlers start to here."""
    for module in (stacks, handlers, changesets):
        for name, ours in {
            "_deploy_stack_async": Deployment,
            "_delete_stack_async": _delete,
            "_roll_back_operation": _roll_back,
            "_continue_update_rollback_async": _continue_rollback,
            "_create_then_delete_on_failure": _delete_on_failure,
            "_create_stack_task_in_region": _start,
        }.items():
            if hasattr(module, name):
                setattr(module, name, ours)


class Deployment:
    """A create or an update that MiniStack's handlers have accepted; awaiting it carries it out."""

    def __init__(
        self,
        stack_name: str,
        stack_id: str,
        template: dict[str, Any],
        param_values: dict[str, Any],
        disable_rollback: bool,
        tags: list[Any],
        is_update: bool = False,
        previous_stack: dict[str, Any] | None = None,
        retain_except_on_create: bool = False,
        imports: dict[str, Any] | None = None,
    ) -> None:
        stack = store.stacks.by_id[stack_id]
        stack.pop("_failed_operation", None)
        self.stack, self.is_update = stack, is_update
        self.error = ""
        self.run: Run | None = None
        try:
            self.run = Run(
                stack,
                template,
                param_values,
                previous=previous_stack if is_update else None,
                disable_rollback=disable_rollback,
                retain_except_on_create=retain_except_on_create,
                imports=imports or {},
            )
        except ValueError as circular:
            self.error = str(circular)
        stack.update(_template=template, _resolved_params=param_values)

    def __await__(self) -> Generator[Any, Any, None]:
        return self._carry_out().__await__()

    async def _carry_out(self) -> None:
        if self.run is None:
            events.stack_status(self.stack, f"{'UPDATE' if self.is_update else 'CREATE'}_FAILED", self.error)
        elif self.is_update:
            await update.update_stack(self.run)
        else:
            await create.create_stack(self.run)


def _delete_on_failure(stack_name: str, stack_id: str, deploy_coro: Deployment) -> Deployment:
    if deploy_coro.run is not None:
        deploy_coro.run.delete_on_failure = True
    return deploy_coro


def _delete(
    stack_name: str, stack_id: str, retain_resources: Iterable[str] = (), force: bool = False
) -> Coroutine[Any, Any, None]:
    """Begin to delete a stack at once; awaiting the answer deletes it, after a create that is stopped for it."""
    stack = store.stacks.by_id[stack_id]
    at_work = store.running.get(stack_id)
    delete.begin_delete(stack)
    if at_work is not None and at_work.run is not None:
        at_work.run.halt()

    async def finish() -> None:
        if at_work is not None:
            await asyncio.wait((at_work.task,))
        await delete.finish_delete(stack, retain_resources, force)

    return finish()


async def _roll_back(
    stack_name: str, stack_id: str, stack: Stack, operation: dict[str, Any], reason_override: str = ""
) -> None:
    """RollbackStack, of a stack that failed with DisableRollback."""
    run: Run = operation["run"]
    run.retain_except_on_create = bool(operation.get("retain_except_on_create", run.retain_except_on_create))
    events.begin_operation(stack, "ROLLBACK")
    if run.previous is None:
        await rollback.roll_back_create(run, reason_override)
    else:
        await rollback.start_update_rollback(run, reason_override)


async def _continue_rollback(stack_name: str, stack_id: str, resources_to_skip: Iterable[str]) -> None:
    stack = store.stacks.by_id[stack_id]
    events.begin_operation(stack, "CONTINUE_ROLLBACK")
    await rollback.continue_rollback(stack["_rollback_run"], set(resources_to_skip))


def _start(work: Awaitable[Any], stack: Stack | None, stack_id: str | None = None) -> None:
    """Start an operation as a task that is kept until it ends; an error in it fails the stack, never hangs it."""
    if stack is None:
        return
    task = asyncio.get_running_loop().create_task(_guarded(work, stack))
    run = getattr(work, "run", None)
    before = store.running.get(stack["StackId"])
    if run is None and before is not None:
        _others.add(task)
        task.add_done_callback(_others.discard)
        return
    store.running[stack["StackId"]] = Running(task, run)
    task.add_done_callback(lambda ended: _forget(stack["StackId"], ended))


_others: set[asyncio.Task[Any]] = set()


def _forget(stack_id: str, task: asyncio.Task[Any]) -> None:
    at_work = store.running.get(stack_id)
    if at_work is not None and at_work.task is task:
        del store.running[stack_id]


async def _guarded(work: Awaitable[Any], stack: Stack) -> None:
    try:
        await work
    except Exception:
        logger.exception("The operation on %s broke.", stack["StackName"])
        status: str = stack["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            failed = status.removesuffix("_IN_PROGRESS").removesuffix("_COMPLETE_CLEANUP") + "_FAILED"
            events.stack_status(stack, failed, "Internal Failure")


def reset(account: str | None) -> None:
    """Cancel the operations on an account's stacks, or on all, and forget the stacks."""
    scopes = {key[0] for key in store.stacks._data}
    for scope in scopes if account is None else {account}:
        for stack in [found for key, found in store.stacks._data.items() if key[0] == scope]:
            if at_work := store.running.pop(stack["StackId"], None):
                at_work.task.cancel()
        store.stacks.forget(scope)
