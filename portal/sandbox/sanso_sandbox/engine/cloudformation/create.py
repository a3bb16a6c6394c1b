"""Creates stacks: resources and nested stacks in parallel, as their dependencies allow."""

import asyncio
import logging
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import stacks

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.cloudformation import (
    events,
    graph,
    hooks,
    nested,
    provision,
    rollback,
    signals,
)
from sanso_sandbox.engine.cloudformation.provision import Provisioned
from sanso_sandbox.engine.cloudformation.run import Run
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Record

logger = logging.getLogger(__name__)

CANCELLED = "Resource creation cancelled"
EMBEDDED = "Embedded stack {stack_id} was not successfully created: {reason}"


async def create_stack(run: Run) -> bool:
    """Create a stack, or roll it back depending on its options; return whether it is CREATE_COMPLETE.

    The event CREATE_IN_PROGRESS has been added when the request was accepted.
    """
    if run.parent is None and run.is_invalid():
        return False
    await graph.walk(run.waits_for(), lambda logical_id: create_resource(run, logical_id), run.stop)
    if run.was_stopped:
        return False  # the parent's rollback or the delete that stopped it also deletes its resources
    if not run.failed:
        try:
            publish(run)
        except ValueError as unresolved:
            await _fail(run, str(unresolved))
            return False
        events.stack_status(run.stack, "CREATE_COMPLETE")
        return True
    await _fail(run, reason_of(run))
    return False


async def _fail(run: Run, reason: str) -> None:
    if not reason.endswith(" "):
        reason += ". "
    run.reason = reason
    if run.delete_on_failure:
        await rollback.delete_failed(run, reason + "Delete requested by user.")
    elif run.disable_rollback:
        events.stack_status(run.stack, "CREATE_FAILED", reason)
        run.stack["_failed_operation"] = {"is_update": False, "run": run}
    else:
        suffix = "" if run.parent else "Rollback requested by user."
        await rollback.roll_back_create(run, reason + suffix)


def reason_of(run: Run) -> str:
    """Return the reason of a stack with failed resources, worded as on AWS for each kind of failure."""
    parts = []
    for verb in ("create", "update"):
        names = [name for name, failed_to in run.failed.items() if failed_to == verb]
        if names:
            parts.append(f"The following resource(s) failed to {verb}: [{', '.join(names)}]. ")
    return "".join(parts)


def publish(run: Run, removed: set[str] | None = None) -> None:
    """Resolve the outputs of a complete stack and publish its exports.

    Raises ValueError if an output cannot be resolved, or if another stack exports the same name.
    """
    surviving = {name: record for name, record in run.resources.items() if name not in (removed or ())}
    outputs, exports = run.outputs(surviving)
    for name in exports:
        taken = cloudformation._exports.get(name)
        if taken and taken["StackId"] != run.stack["StackId"]:
            owner = taken["StackId"].split("/")[1]
            raise ValueError(f"Export with name {name} is already exported by stack {owner}. ")
    for output in run.stack.get("Outputs") or []:
        if output.get("ExportName") and output["ExportName"] not in exports:
            cloudformation._exports.pop(output["ExportName"], None)
    for name, export in exports.items():
        cloudformation._exports[name] = export
    run.stack["Outputs"] = outputs


async def create_resource(run: Run, logical_id: str) -> bool:
    """Create a resource of a stack, with its events; return whether it is complete."""
    if logical_id in run.imports:
        return _adopt(run, logical_id)
    record = run.open_record(logical_id)
    run.report(record, "CREATE_IN_PROGRESS")
    try:
        await _create(run, record)
    except provision.Stopped:
        return _failed(run, record, CANCELLED)
    except Exception as error:  # noqa: BLE001  (a resource handler may raise anything)
        logger.info("%s of %s was not created: %s", logical_id, run.stack["StackName"], error)
        run.fails()
        return _failed(run, record, str(error))
    run.report(record, "CREATE_COMPLETE")
    return True


def _failed(run: Run, record: Record, reason: str) -> bool:
    run.failed[record["LogicalResourceId"]] = "create"
    run.report(record, "CREATE_FAILED", reason)
    return False


async def _create(run: Run, record: Record) -> None:
    properties, dynamic = run.resolved(record["LogicalResourceId"])
    hooks.call(run.stack, record)
    record["Properties"] = properties
    if dynamic:
        record["_dynamic"] = dynamic
    tagged = run.tagged(record, properties, run.stack.get("Tags") or [])
    if record["ResourceType"] == STACK_TYPE:
        provision.check("create", run.stack, record, tagged)
        await _create_nested(run, record, tagged)
        return

    def initiated(made: Provisioned) -> None:
        _take(record, made)
        run.report(record, "CREATE_IN_PROGRESS", "Resource creation Initiated")

    signals.begin(run, record)
    made = await provision.create(run.stack, record, tagged, run.stop, initiated)
    _take(record, made)
    if not run.is_read(record["LogicalResourceId"]):
        provision.check_read(run.stack, record)


def _take(record: Record, made: Provisioned) -> None:
    record.update(PhysicalResourceId=made.physical_id, Attributes=made.attributes)
    if made.name_seed:
        record["_name_seed"] = made.name_seed


async def _create_nested(run: Run, record: Record, properties: dict[str, Any]) -> None:
    """Create a nested stack. Raises ValueError with AWS's message if it does not become complete."""
    child = nested.new_run(run, record["LogicalResourceId"], properties)
    stack = child.stack
    record.update(PhysicalResourceId=stack["StackId"])
    run.report(record, "CREATE_IN_PROGRESS", "Resource creation Initiated")
    events.stack_status(stack, "CREATE_IN_PROGRESS", events.USER_INITIATED)
    run.children[record["LogicalResourceId"]] = child
    creating = asyncio.ensure_future(create_stack(child))
    try:
        complete = await creating
    finally:
        run.children.pop(record["LogicalResourceId"], None)
    if complete and await time_scale.pause(time_scale.of_create(STACK_TYPE), run.stop):
        record["Attributes"] = nested.outputs_of(stack)
        return
    if run.stop.is_set():
        raise provision.Stopped
    raise ValueError(EMBEDDED.format(stack_id=stack["StackId"], reason=child.reason))


def _adopt(run: Run, logical_id: str) -> bool:
    """Import an existing resource (ImportExistingResources), with MiniStack's events."""
    record = run.open_record(logical_id)
    try:
        physical_id, attributes = stacks._adopt_resource(
            run.stack["StackId"],
            run.stack["StackName"],
            logical_id,
            record["ResourceType"],
            run.imports[logical_id],
        )
        properties, _dynamic = run.resolved(logical_id)
    except ValueError as missing:
        run.failed[logical_id] = "create"
        run.report(record, "IMPORT_FAILED", str(missing))
        run.fails()
        return False
    record.update(
        PhysicalResourceId=physical_id,
        Attributes=attributes,
        Properties=properties,
        ResourceStatus="UPDATE_COMPLETE",
    )
    return True
