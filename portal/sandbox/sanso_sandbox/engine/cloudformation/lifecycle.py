"""Operations as tasks: started when a request is accepted, stored until they end, stopped by a delete."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any

from sanso_sandbox.engine import authorization
from sanso_sandbox.engine.cloudformation import (
    create,
    delete,
    events,
    provision,
    rollback,
    service_role,
    store,
    update,
)
from sanso_sandbox.engine.cloudformation.run import Run
from sanso_sandbox.engine.cloudformation.store import Running, Stack

logger = logging.getLogger(__name__)

# Tasks that wait for the end of another operation on their stack.
_waiting: set[asyncio.Task[Any]] = set()


class Deployment:
    """An accepted create or update; awaiting it executes it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.afterwards: list[Callable[[Stack], None]] = []

    def __await__(self) -> Generator[Any, Any, None]:
        return self._carry_out().__await__()

    async def _carry_out(self) -> None:
        try:
            if self.run.previous is None:
                await create.create_stack(self.run)
            else:
                await update.update_stack(self.run)
        finally:
            for callback in self.afterwards:
                callback(self.run.stack)


async def roll_back(run: Run) -> None:
    """Roll back an operation that failed with rollback disabled, and the operations that it continued."""
    first = run
    while first.earlier is not None:
        first = first.earlier
    if first.previous is not None:
        await rollback.start_update_rollback(run, events.USER_INITIATED)
        return
    first.created = list(first.stack["_resources"])  # there is no earlier complete state
    first.retain_except_on_create = run.retain_except_on_create
    await rollback.roll_back_create(first, events.USER_INITIATED)


def start_delete(stack: Stack, retain: Iterable[str] = (), force: bool = False) -> None:
    """Start to delete a stack: stop a create in progress first, but wait for the end of a rollback."""
    at_work = store.running.get(stack["StackId"])
    rolling_back = stack["StackStatus"] == "ROLLBACK_IN_PROGRESS"
    if not rolling_back:
        delete.begin_delete(stack)
    if at_work is not None and at_work.run is not None:
        at_work.run.halt()

    async def finish() -> None:
        if at_work is not None:
            await asyncio.wait((at_work.task,))
        if rolling_back:
            delete.begin_delete(stack)
        await delete.finish_delete(stack, retain, force)

    start(finish(), stack)


def start(work: Awaitable[Any], stack: Stack) -> None:
    """Start an operation on a stack as a task with the current account, region and client request token.

    Its calls are authorized for the service role, or for the caller.
    """
    with authorization.act_as(service_role.of(stack)):
        task = asyncio.get_running_loop().create_task(_guarded(work, stack))
    if stack["StackId"] in store.running:
        _waiting.add(task)
        task.add_done_callback(_waiting.discard)
        return
    store.running[stack["StackId"]] = Running(task, getattr(work, "run", None))
    task.add_done_callback(lambda ended: _forget(stack["StackId"], ended))


def _forget(stack_id: str, task: asyncio.Task[Any]) -> None:
    at_work = store.running.get(stack_id)
    if at_work is not None and at_work.task is task:
        del store.running[stack_id]


async def _guarded(work: Awaitable[Any], stack: Stack) -> None:
    """Execute an operation; an internal error fails the stack, so that nothing waits for it forever."""
    try:
        await work
    except Exception:
        logger.exception("The operation on %s broke.", stack["StackName"])
        status: str = stack["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            failed = status.removesuffix("_IN_PROGRESS").removesuffix("_COMPLETE_CLEANUP") + "_FAILED"
            events.stack_status(stack, failed, "Internal Failure")


def reset(account: str | None) -> None:
    """Cancel the operations on an account's stacks, or on all stacks, and delete the stacks."""
    for scope in {key[0] for key in store.stacks._data} if account is None else {account}:
        for stack in [found for key, found in store.stacks._data.items() if key[0] == scope]:
            if at_work := store.running.pop(stack["StackId"], None):
                at_work.task.cancel()
            for key in [key for key in provision.late if key[0] == stack["StackId"]]:
                del provision.late[key]
        store.stacks.forget(scope)
