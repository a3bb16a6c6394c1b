"""Updates stacks: resources and nested stacks are changed, replaced or added in parallel."""

import logging
from typing import Any

from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.cloudformation import (
    cleanup,
    create,
    delete,
    events,
    graph,
    hooks,
    nested,
    provision,
    recreation,
    rollback,
    signals,
    stack_policies,
    store,
)
from sanso_sandbox.engine.cloudformation.provision import Provisioned
from sanso_sandbox.engine.cloudformation.run import Change, Run
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Record

logger = logging.getLogger(__name__)

CANCELLED = "Resource update cancelled"
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."
# https://github.com/aws/aws-cdk/issues/30546
NO_REPLACEMENT = "Replacement type updates not supported on stack with disable-rollback."
# https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/802
MODIFIED_PROVIDER = "Modifying service token is not allowed."
EMBEDDED = (
    "Embedded stack {stack_id} was not successfully updated. Currently in {status} with reason: {reason}"
)


async def update_stack(run: Run) -> None:
    """Update a root stack to UPDATE_COMPLETE, or roll it back depending on its options.

    The event UPDATE_IN_PROGRESS has been added when the request was accepted.
    """
    if run.is_invalid():
        return
    if await _forward(run):
        await cleanup.after_update(run)
    elif run.disable_rollback and not run.cancelled:
        events.stack_status(run.stack, "UPDATE_FAILED", run.reason)
        cleanup.remember_predecessors(run)
        run.stack["_failed_operation"] = {"is_update": True, "run": run}
    else:
        await rollback.start_update_rollback(run, run.reason)


async def _forward(run: Run) -> bool:
    """Make all changes of the update; return whether only the cleanup remains."""
    if not _may_remove(run):
        run.reason = create.reason_of(run)
        return False
    await graph.walk(run.waits_for(), lambda logical_id: _update_resource(run, logical_id), run.stop)
    if run.cancelled:
        run.reason = events.USER_INITIATED
        return False
    if run.failed or run.was_stopped:
        run.reason = create.reason_of(run)
        return False
    try:
        create.publish(run, cleanup.removed_names(run))
    except ValueError as unresolved:
        run.reason = str(unresolved)
        return False
    events.stack_status(run.stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    return True


def _may_remove(run: Run) -> bool:
    """Return whether the stack policy lets the update delete what the new template leaves out."""
    for name in sorted(cleanup.removed_names(run) & run.resources.keys()):
        if why := stack_policies.denial(run.stack, stack_policies.DELETE, run.resources[name]):
            run.fails()
            _failed(run, run.resources[name], why)
    return not run.failed


async def _update_resource(run: Run, logical_id: str) -> bool:
    before = run.previous_resources.get(logical_id)
    if before is None and not store.is_unfinished(run.resources.get(logical_id)):
        if remains := run.resources.get(logical_id):  # from a create that failed with rollback disabled
            await delete.delete_resources(run.stack, {logical_id: delete.Doomed(remains)}, {})
        return await create.create_resource(run, logical_id)
    record = run.resources[logical_id]
    try:
        if record["ResourceType"] == STACK_TYPE:
            await _update_nested(run, record)
        else:
            await _update_leaf(run, record, before or record)
    except provision.Stopped:
        return _failed(run, record, CANCELLED)
    except Exception as error:  # noqa: BLE001  (a resource handler may raise anything)
        logger.info("%s of %s was not updated: %s", logical_id, run.stack["StackName"], error)
        run.fails()
        return _failed(run, record, str(error))
    return True


def _failed(run: Run, record: Record, reason: str) -> bool:
    run.failed[record["LogicalResourceId"]] = "update"
    run.report(record, "UPDATE_FAILED", reason)
    return False


async def _update_leaf(run: Run, record: Record, before: Record) -> None:
    name, resource_type = record["LogicalResourceId"], record["ResourceType"]
    properties, dynamic = run.resolved(name)
    old = run.tagged(record, before.get("Properties") or {}, (run.previous or {}).get("Tags") or [])
    new = run.tagged(record, properties, run.stack.get("Tags") or [])
    if old == new:
        record["Properties"] = properties
        return
    change = Change(before, new, old, retain=_retained(run, name))
    run.changes[name] = change
    refused = _refusal(run, record, old, new)
    replacing = not refused and provisioners._replacing_change(resource_type, old, new)
    run.report(record, "UPDATE_IN_PROGRESS", REPLACING if replacing else "")
    if refused:
        raise provision.Refused(refused)
    hooks.call(run.stack, record)
    change.called = True
    signals.begin(run, record)
    await provision.fail_update(record, run.stop)

    def replaced(made: Provisioned) -> None:
        change.provisioned = made
        if not replacing:
            run.report(record, "UPDATE_IN_PROGRESS", REPLACING)
        record.update(PhysicalResourceId=made.physical_id, Attributes=made.attributes)
        run.report(record, "UPDATE_IN_PROGRESS", "Resource creation Initiated")

    made = await provision.update(
        run.stack, record, old, new, stop=run.stop, retain=change.retain, replaced=replaced
    )
    change.provisioned = made
    _take(record, made, properties, dynamic)
    if not run.is_read(name):
        provision.check_read(run.stack, record)
    run.report(record, "UPDATE_COMPLETE")


def _refusal(run: Run, record: Record, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return why CloudFormation itself does not make a change; "" if it does."""
    resource_type = record["ResourceType"]
    always = recreation.is_required(resource_type, old, new)
    if taken := provisioners._custom_named_replacement_error(
        resource_type, old, new, record["PhysicalResourceId"]
    ):
        return str(taken)
    if recreation.is_custom(resource_type) and old.get("ServiceToken") != new.get("ServiceToken"):
        return MODIFIED_PROVIDER
    if run.disable_rollback and always:
        return NO_REPLACEMENT
    action = stack_policies.REPLACE if always else stack_policies.MODIFY
    return stack_policies.denial(run.stack, action, record)


def _take(record: Record, made: Provisioned, properties: dict[str, Any], dynamic: dict[str, Any]) -> None:
    record.update(PhysicalResourceId=made.physical_id, Attributes=made.attributes, Properties=properties)
    for key, value in (("_dynamic", dynamic), ("_name_seed", made.name_seed)):
        if value:
            record[key] = value


def _retained(run: Run, name: str) -> bool:
    return run.policy(name, "UpdateReplacePolicy") in provisioners._RETAINING_POLICIES


async def _update_nested(run: Run, record: Record) -> None:
    """Update a nested stack. CloudFormation checks all of them, even if their resource has not changed.

    Raises ValueError with AWS's message if the update was not successful.
    """
    name = record["LogicalResourceId"]
    properties, _dynamic = run.resolved(name)
    stack = store.find(record["PhysicalResourceId"])
    run.report(record, "UPDATE_IN_PROGRESS")
    hooks.call(run.stack, record)
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        raise ValueError(f"Stack [{record['PhysicalResourceId']}] does not exist")
    await provision.fail_update(record, run.stop)
    if properties != record["Properties"] and (
        why := stack_policies.denial(run.stack, stack_policies.MODIFY, record)
    ):
        raise provision.Refused(why)
    provision.check("update", run.stack, record, properties)
    child = nested.update_run(run, name, stack, run.tagged(record, properties, run.stack.get("Tags") or []))
    if child is not None:
        run.children[name] = child
        events.stack_status(stack, "UPDATE_IN_PROGRESS", events.USER_INITIATED)
        if not await _forward(child):
            await _nested_failed(child)
        if not await time_scale.pause(time_scale.of_update(STACK_TYPE), run.stop):
            raise provision.Stopped
    record.update(Properties=properties, Attributes=nested.outputs_of(stack))
    run.report(record, "UPDATE_COMPLETE")


async def _nested_failed(child: Run) -> None:
    if child.was_stopped:
        raise provision.Stopped
    stack = child.stack
    if child.disable_rollback:
        events.stack_status(stack, "UPDATE_FAILED", child.reason)
        cleanup.remember_predecessors(child)
        stack["_failed_operation"] = {"is_update": True, "run": child}
    else:
        rollback.start_update_rollback(child, child.reason)
    raise ValueError(
        EMBEDDED.format(stack_id=stack["StackId"], status=stack["StackStatus"], reason=child.reason)
    )
