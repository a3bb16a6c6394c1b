"""The computation of a change set: its changes, and the change sets of nested stacks."""

import asyncio
from dataclasses import replace
from typing import Any, TypeAlias

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.authorization import Denied
from sanso_sandbox.engine.cloudformation import (
    events,
    nested,
    nested_parameters,
    placeholders,
    preview,
    service_role,
    store,
    templates,
    validation,
)
from sanso_sandbox.engine.cloudformation.plans import Plan
from sanso_sandbox.engine.cloudformation.responses import Refusal
from sanso_sandbox.engine.cloudformation.store import STACK_TYPE, Stack, Template

ChangeSet: TypeAlias = dict[str, Any]

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)

NESTED_FAILED = "Nested change set {arn} was not successfully created: Currently in FAILED."

_finishing: set[asyncio.Task[None]] = set()


def new(stack: Stack, name: str, kind: str, plan: Plan, parent: ChangeSet | None = None) -> ChangeSet:
    change_set_id = f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:changeSet/{name}/{new_uuid()}"
    change_set: ChangeSet = {
        "ChangeSetId": change_set_id,
        "ChangeSetName": name,
        "StackId": stack["StackId"],
        "StackName": stack["StackName"],
        "Status": "CREATE_IN_PROGRESS",
        "ExecutionStatus": "UNAVAILABLE",
        "StatusReason": "",
        "CreationTime": now_iso(),
        "Description": "",
        "ChangeSetType": kind,
        "Changes": [],
        "Tags": plan.tags or [],
        "Capabilities": plan.capabilities,
        "NotificationARNs": plan.topics or [],
        "IncludeNestedStacks": parent is not None,
        "_children": {},
        **_of_plan(plan),
    }
    if parent is not None:
        change_set["ParentChangeSetId"] = parent["ChangeSetId"]
        change_set["RootChangeSetId"] = parent.get("RootChangeSetId") or parent["ChangeSetId"]
    cloudformation._change_sets[change_set_id] = change_set
    return change_set


def _of_plan(plan: Plan) -> ChangeSet:
    return {
        "Parameters": templates.listed(plan.parameters),
        "_plan": plan,
        "_template": plan.template,
        "_template_body": plan.body,
    }


def compute(change_set: ChangeSet, stack: Stack, plan: Plan) -> None:
    """Compute the changes at once; the status becomes CREATE_COMPLETE or FAILED after AWS's duration."""
    retag = change_set["ChangeSetType"] == "UPDATE" and (
        plan.tags is not None and _tags(plan.tags) != _tags(stack["Tags"])
    )
    try:
        if change_set["IncludeNestedStacks"]:
            changes = _nest(change_set, stack, plan, retag=retag)
        else:
            # Without nested change sets, all nested stacks count as changed, since their templates may have.
            automatic = frozenset(preview.nested_names(plan.template, plan.parameters))
            changes = preview.Preview(
                stack, plan.template, plan.parameters, retag=retag, automatic=automatic
            ).changes()
        reason = _adopt_existing(change_set, changes, plan.template) or validation.check(
            change_set, stack, plan.template, plan.parameters, changes
        )
        outcome = (changes, reason or ("" if changes else NO_CHANGES))
    except (ValueError, Refusal) as failure:
        outcome = ([], str(failure))
    task = asyncio.get_running_loop().create_task(_finish(change_set, *outcome))
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)


def _tags(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["Key"]: tag["Value"] for tag in tags}


async def _finish(change_set: ChangeSet, changes: list[dict[str, Any]], reason: str) -> None:
    levels = 2 if change_set["_children"] else 1
    await time_scale.pause(time_scale.CHANGE_SET * levels, asyncio.Event())
    if cloudformation._change_sets.get(change_set["ChangeSetId"]) is not change_set:
        return  # it was deleted meanwhile
    if reason:
        for member in family(change_set):
            if member["Status"] != "FAILED":
                member["Status"] = "CREATE_COMPLETE"  # it cannot be executed, as only the root can
        change_set.update(Status="FAILED", StatusReason=reason)
        return
    for member in family(change_set):
        member.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE")
    change_set["Changes"] = changes


def family(change_set: ChangeSet) -> list[ChangeSet]:
    """Return a change set and those of all stacks nested below its own."""
    found = [change_set]
    for child_id in change_set.get("_children", {}).values():
        child = cloudformation._change_sets.get(child_id)
        if child is not None:
            found += family(child)
    return found


def _adopt_existing(change_set: ChangeSet, changes: list[dict[str, Any]], template: Template) -> str:
    """Turn additions of existing resources into imports (ImportExistingResources); return an error or ""."""
    if not change_set.get("ImportExistingResources"):
        return ""
    found = changesets._existing_resources(changes, template)
    reason = changesets._unretained_import_reason(found, template) or changesets._import_owner(found)
    if reason:
        return str(reason)
    adopted = {entry["LogicalResourceId"]: changesets._import_change(entry) for entry in found}
    changes[:] = [adopted.get(change["ResourceChange"]["LogicalResourceId"], change) for change in changes]
    change_set["_import_existing"] = {
        entry["LogicalResourceId"]: entry["ResourceIdentifier"] for entry in found
    }
    return ""


def _nest(change_set: ChangeSet, stack: Stack, plan: Plan, *, retag: bool = False) -> list[dict[str, Any]]:
    """Create the change sets of the stacks nested in this one; return the changes with their ids.

    They are created in dependency order, because changes of a nested stack make its outputs unknown to later
    ones. Raises ValueError if one of them cannot be created.
    """
    automatic: frozenset[str] = frozenset()

    def previewed() -> preview.Preview:
        return preview.Preview(stack, plan.template, plan.parameters, retag=retag, automatic=automatic)

    for name in preview.nested_names(plan.template, plan.parameters):
        child = _nested_change_set(change_set, stack, previewed().properties(name), name)
        if child is not None:
            automatic |= {name}
    changes = previewed().changes()
    for change in changes:
        resource = change["ResourceChange"]
        if child_id := change_set["_children"].get(resource["LogicalResourceId"]):
            resource["ChangeSetId"] = child_id
    return changes


def _nested_change_set(
    parent: ChangeSet, stack: Stack, properties: dict[str, Any], name: str
) -> ChangeSet | None:
    """Create the change set of a nested stack; return None if nothing in it or below it changes.

    Raises ValueError if it cannot be created: it stays as FAILED, with the reason that the message refers to.
    """
    record = placeholders.complete_record(stack, name)
    existing = store.find(record["PhysicalResourceId"]) if record else None
    child_stack = existing or nested.new_stack(stack, name, "REVIEW_IN_PROGRESS")
    if existing is None:
        events.begin_operation(child_stack, "CREATE_CHANGESET")
        events.stack_status(child_stack, "REVIEW_IN_PROGRESS", events.USER_INITIATED)
    child_name = f"{parent['ChangeSetName']}-{name}-{new_uuid()[:13].upper()}"
    plan = _empty_plan(parent)
    child = new(child_stack, child_name, "UPDATE" if existing else "CREATE", plan, parent)
    parent["_children"][name] = child["ChangeSetId"]
    try:
        service_role.check_nested(child_stack["StackId"], child["ChangeSetId"])
        plan = _plan_of_nested(parent, stack, properties, name)
        child.update(_of_plan(plan))
        child["_disable_validation"] = parent.get("_disable_validation")
        child["Changes"] = _nest(child, child_stack, plan)
        if reason := validation.check(child, child_stack, plan.template, plan.parameters, child["Changes"]):
            raise ValueError(reason)
    except (ValueError, Refusal, Denied) as failure:
        child.update(Status="FAILED", StatusReason=str(failure))
        raise ValueError(NESTED_FAILED.format(arn=child["ChangeSetId"])) from failure
    if existing is not None and not child["Changes"]:
        cloudformation._change_sets.pop(child["ChangeSetId"])
        del parent["_children"][name]
        return None
    return child


def _plan_of_nested(parent: ChangeSet, stack: Stack, properties: dict[str, Any], name: str) -> Plan:
    """Return the plan of a nested stack's template and parameters. Raises ValueError if they are invalid."""
    text = parent["_template"]["Resources"][name].get("Properties") or {}
    nested_parameters.check_selections(
        text.get("Parameters"), lambda other, _attribute: _is_unknown_stack(parent, stack, other)
    )
    body = templates.fetch(properties)
    template = templates.parsed(body)
    templates.check_capabilities(template, parent["Capabilities"])
    parameters = nested_parameters.resolved(template, properties)
    engine.validate_template_support(template, engine._evaluate_conditions(template, parameters))
    templates.check_references(template)
    nested_parameters.check_selections(template.get("Resources"), nested_parameters.unknown_among(parameters))
    return replace(_empty_plan(parent), template=template, body=body, parameters=parameters)


def _is_unknown_stack(parent: ChangeSet, stack: Stack, name: str) -> bool:
    """Return whether a name is a nested stack with unknown outputs: a new one, or one that changes."""
    definition = (parent["_template"].get("Resources") or {}).get(name) or {}
    return definition.get("Type") == STACK_TYPE and (
        name in parent["_children"] or placeholders.complete_record(stack, name) is None
    )


def _empty_plan(parent: ChangeSet) -> Plan:
    return Plan(
        template={}, body="", parameters={}, tags=None, capabilities=parent["Capabilities"], topics=None
    )
