"""The calls of MiniStack's resource handlers: on the event loop or in a thread, with pauses and faults."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import new_uuid
from ministack.services.cloudformation import provisioners, stacks

from sanso_sandbox.engine import faults, names, registry, time_scale
from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.engine.cloudformation import events, handler_permissions, handler_trail, reasons
from sanso_sandbox.engine.cloudformation.store import Record, Stack

Result = TypeVar("Result")
Properties = dict[str, Any]

# Handlers that still ran when their operation was stopped, by StackId and logical id. They have to end before
# the created resources can be deleted.
late: dict[tuple[str, str], asyncio.Task[Any]] = {}


class Stopped(Exception):
    """The operation was stopped while a resource was in flight."""


class Refused(Exception):
    """CloudFormation itself, not a resource's handler, rejected a change; the message is the whole reason."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The result of a handler."""

    physical_id: str
    attributes: dict[str, Any]
    name_seed: str = ""
    predecessors: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = field(
        default_factory=list
    )


async def create(
    stack: Stack,
    record: Record,
    properties: Properties,
    stop: asyncio.Event,
    initiated: Callable[[Provisioned], None],
) -> Provisioned:
    """Create a resource, with a pause for AWS's duration.

    Args:
        initiated: called once the physical id is known.

    Raises Stopped if stop is set meanwhile, and ValueError with the reason if it fails.
    """
    logical_id, resource_type = record["LogicalResourceId"], record["ResourceType"]

    def work() -> Provisioned:
        names.require_free(resource_type, properties)
        # Each creation gets another name, as on AWS: resources kept by an earlier stack are not reused.
        token = provisioners._NAME_SEED.set(new_uuid()[:8])
        try:
            made = provisioners._provision_resource(resource_type, logical_id, properties, stack["StackName"])
            return Provisioned(str(made[0]), made[1] or {}, provisioners._NAME_SEED.get())
        finally:
            provisioners._NAME_SEED.reset(token)

    failure = faults.resource_failure("create", logical_id)
    if failure and _answers_itself(resource_type):
        await _pass(time_scale.of_create(resource_type), stop)
        raise ValueError(reasons.of_fault(failure))
    check("create", stack, record, properties)
    made = await _carried_out(stack, record, work, stop)
    initiated(made)
    handler_trail.carried_out(handler_permissions.own_call("create", resource_type), made.physical_id)
    if failure:
        await _pass(time_scale.of_create(resource_type) / 2, stop)
        raise ValueError(reasons.of_fault(failure))
    await _pass(time_scale.of_create(resource_type), stop)
    return await _stabilized(stack, record, made, properties, stop)


async def update(
    stack: Stack,
    record: Record,
    old: Properties,
    new: Properties,
    *,
    stop: asyncio.Event,
    retain: bool = False,
    replaced: Callable[[Provisioned], None] = lambda made: None,
) -> Provisioned:
    """Update a resource in place, or create its successor; the predecessor stays until the cleanup phase.

    Args:
        retain: UpdateReplacePolicy keeps the predecessor.
        replaced: called once a successor's physical id is known.

    Raises the same exceptions as create.
    """
    logical_id, resource_type = record["LogicalResourceId"], record["ResourceType"]
    physical_id, attributes = record["PhysicalResourceId"], record["Attributes"]

    def work() -> Provisioned:
        names.require_free(resource_type, new, old)
        predecessors: list[Any] = []
        tokens = (
            (provisioners._RETAIN_REPLACED, provisioners._RETAIN_REPLACED.set(retain)),
            (
                provisioners._DEFERRED_PREDECESSOR_DELETES,
                provisioners._DEFERRED_PREDECESSOR_DELETES.set(predecessors),
            ),
            (provisioners._NAME_SEED, provisioners._NAME_SEED.set(record.get("_name_seed", ""))),
        )
        try:
            changed = provisioners._update_resource(
                resource_type, physical_id, old, new, stack["StackName"], logical_id, attributes
            )
            seed = provisioners._NAME_SEED.get()
        finally:
            for variable, token in tokens:
                variable.reset(token)
        merged = changed[1] if changed[0] != physical_id else {**attributes, **(changed[1] or {})}
        return Provisioned(str(changed[0]), merged or {}, seed, predecessors)

    check("update", stack, record, new)
    changed = await _carried_out(stack, record, work, stop)
    if changed.physical_id != physical_id:
        replaced(changed)
        await _pass(time_scale.of_create(resource_type), stop)
    else:
        await _pass(time_scale.of_update(resource_type), stop)
    return await _stabilized(stack, record, changed, new, stop)


async def fail_update(record: Record, stop: asyncio.Event) -> None:
    """Fail the update of a resource if a fault is injected, with ValueError or Stopped."""
    if failure := faults.resource_failure("update", record["LogicalResourceId"]):
        await _pass(time_scale.of_update(record["ResourceType"]) / 2, stop)
        raise ValueError(reasons.of_fault(failure))


async def delete(
    stack: Stack, record: Record, *, snapshot: bool = False, instead: Callable[[], None] | None = None
) -> None:
    """Delete a resource, after a pause for AWS's duration; a started step is not stopped.

    Args:
        snapshot: take a snapshot first, as with DeletionPolicy: Snapshot.
        instead: deletes the resource if its type's delete handler cannot.

    Raises ValueError with the reason if it fails.
    """
    logical_id, resource_type = record["LogicalResourceId"], record["ResourceType"]
    if failure := faults.resource_failure("delete", logical_id):
        await _pass(time_scale.of_delete(resource_type) / 2, asyncio.Event())
        raise ValueError(reasons.of_fault(failure))
    physical_id, properties = record["PhysicalResourceId"], record.get("Properties") or {}
    check("delete", stack, record, properties)
    await _pass(time_scale.of_delete(resource_type), asyncio.Event())

    loop = asyncio.get_running_loop()

    def waits(reason: str) -> None:
        events.resource_status(stack, record, "DELETE_IN_PROGRESS", reason)

    def work() -> None:
        registry.noted.set(lambda reason: _on(loop, waits, reason))
        if snapshot:
            provisioners._snapshot_resource(resource_type, physical_id, properties)
        if instead is not None:
            instead()
            return
        provisioners._delete_resource(resource_type, physical_id, properties, stack["StackName"], logical_id)

    try:
        await _called(resource_type, work)
    except Exception as error:
        raise ValueError(reasons.of_error(resource_type, error)) from error
    handler_trail.carried_out(handler_permissions.own_call("delete", resource_type), str(physical_id))


def _on(loop: asyncio.AbstractEventLoop, report: Callable[[str], None], reason: str) -> None:
    loop.call_soon_threadsafe(report, reason)


def check_read(stack: Stack, record: Record) -> None:
    """Raise ValueError with the reason if the operation's principal may not read a resource that changed."""
    try:
        handler_permissions.check_read(stack, record)
    except Denied as denied:
        raise ValueError(reasons.of_denial(record["ResourceType"], str(denied))) from denied


def check(operation: str, stack: Stack, record: Record, properties: Properties) -> None:
    """Raise ValueError with the reason if the operation's principal lacks a permission."""
    try:
        handler_permissions.check(operation, stack, record, properties)
    except Denied as denied:
        raise ValueError(reasons.of_denial(record["ResourceType"], str(denied))) from denied


async def finish_late(stack: Stack, record: Record) -> None:
    """Wait for a handler that outlived its operation, and store the id of the resource that it created."""
    task = late.pop((stack["StackId"], record["LogicalResourceId"]), None)
    if task is None:
        return
    try:
        made: Provisioned = await task
    except Exception:  # noqa: BLE001  (a handler may raise anything; it made nothing then)
        return
    record.update(PhysicalResourceId=made.physical_id, Attributes=made.attributes)


def blocks(resource_type: str) -> bool:
    """Return whether a type's handlers may block and so need a thread; most of MiniStack's do not."""
    if stacks._runs_on_worker_thread(resource_type):
        return True
    handler = provisioners._RESOURCE_HANDLERS.get(resource_type, {}).get("create")
    return handler is not None and not str(getattr(handler, "__module__", "")).startswith("ministack.")


async def _called(resource_type: str, work: Callable[[], Result]) -> Result:
    if not blocks(resource_type):
        return work()
    result: Result = await run_reentrant(work)
    return result


async def _carried_out(
    stack: Stack, record: Record, work: Callable[[], Provisioned], stop: asyncio.Event
) -> Provisioned:
    resource_type = record["ResourceType"]
    task = asyncio.ensure_future(_called(resource_type, work))
    if not await _first(task, stop):
        late[stack["StackId"], record["LogicalResourceId"]] = task
        raise Stopped
    try:
        return task.result()
    except Exception as error:
        raise ValueError(reasons.of_error(resource_type, error)) from error


async def _stabilized(
    stack: Stack, record: Record, made: Provisioned, properties: Properties, stop: asyncio.Event
) -> Provisioned:
    resource_type = record["ResourceType"]
    stabilize = provisioners._RESOURCE_HANDLERS.get(resource_type, {}).get("stabilize")
    if stabilize is None:
        return made
    waiting: Coroutine[Any, Any, Any] = stabilize(made.physical_id, properties, stack["StackName"])
    task = asyncio.ensure_future(waiting)
    if not await _first(task, stop):
        task.cancel()
        raise Stopped
    try:
        attributes = task.result()
    except Refused:
        raise
    except Exception as error:
        raise ValueError(reasons.of_error(resource_type, error, "NotStabilized")) from error
    return Provisioned(
        made.physical_id, {**made.attributes, **(attributes or {})}, made.name_seed, made.predecessors
    )


async def _first(task: asyncio.Future[Any], stop: asyncio.Event) -> bool:
    """Wait until the task ends or stop is set; return whether the task has ended."""
    await asyncio.sleep(0)  # most handlers end at once and need no watcher
    if not task.done():
        watcher = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((task, watcher), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watcher.cancel()
    return task.done()


async def _pass(aws_seconds: float, stop: asyncio.Event) -> None:
    if not await time_scale.pause(aws_seconds, stop):
        raise Stopped


def _answers_itself(resource_type: str) -> bool:
    """Return whether a creation of the type waits for a response, so that a fault replaces the response."""
    return resource_type.startswith("Custom::") or resource_type in (
        "AWS::CloudFormation::CustomResource",
        "AWS::CloudFormation::WaitCondition",
    )
