"""Change sets: how they are made, with one for each nested stack below the root's, executed and deleted."""

import asyncio
from typing import Any, TypeAlias

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, helpers

from portal.sandbox import pace
from portal.sandbox.cloudformation import (
    delete,
    events,
    nested,
    plans,
    preview,
    requests,
    store,
    templates,
    tokens,
)
from portal.sandbox.cloudformation.answers import Answer, Parameters, Refusal, action, answer, truth, value
from portal.sandbox.cloudformation.plans import Plan
from portal.sandbox.cloudformation.store import Stack, Template

ChangeSet: TypeAlias = dict[str, Any]

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)

_finishing: set[asyncio.Task[None]] = set()


def install() -> None:
    """Put the actions in place; imports of resources stay MiniStack's."""
    handlers._ACTION_HANDLERS.update(
        CreateChangeSet=action(_create_change_set),
        ExecuteChangeSet=action(_execute_change_set),
        DeleteChangeSet=action(_delete_change_set),
    )


def find(request: Parameters) -> ChangeSet:
    """Find the change set that a request names, by ARN or by name and stack. Raises Refusal without one."""
    name = value(request, "ChangeSetName")
    if name.startswith("arn:"):
        found: ChangeSet | None = cloudformation._change_sets.get(name)
    else:
        stack = requests.existing(value(request, "StackName"))
        found = next((one for one in requests.change_sets_of(stack) if one["ChangeSetName"] == name), None)
    if found is None:
        raise Refusal(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound", 404)
    return found


def _create_change_set(request: Parameters) -> Answer:
    kind = value(request, "ChangeSetType") or "UPDATE"
    if kind == "IMPORT":
        imported: Answer = changesets._create_change_set(request)
        return imported
    name = value(request, "ChangeSetName")
    stack = _stack_for(request, kind)
    for taken in requests.change_sets_of(stack) if stack else ():
        if taken["ChangeSetName"] == name:
            if value(request, "ClientToken") and taken.get("_token") == value(request, "ClientToken"):
                return answer("CreateChangeSet", {"Id": taken["ChangeSetId"], "StackId": taken["StackId"]})
            raise Refusal(f"ChangeSet [{name}] already exists", "AlreadyExistsException")
    _check_options(request, kind)
    if stack is not None and "TemplateBody" not in request and "TemplateURL" not in request:
        request = {**request, "UsePreviousTemplate": ["true"]}
    plan = plans.read(request, stack, macros=False)
    if stack is None:
        stack = store.new_stack(value(request, "StackName"), "REVIEW_IN_PROGRESS")
        events.begin_operation(stack, "CREATE_CHANGESET")
        events.stack_status(stack, "REVIEW_IN_PROGRESS", events.USER_INITIATED)
    change_set = _new(stack, name, kind, plan)
    change_set.update(
        Description=value(request, "Description"),
        OnStackFailure=value(request, "OnStackFailure"),
        IncludeNestedStacks=truth(request, "IncludeNestedStacks"),
        ImportExistingResources=truth(request, "ImportExistingResources"),
        _token=value(request, "ClientToken"),
        _disable_validation=truth(request, "DisableValidation"),
    )
    _compute(change_set, stack, plan)
    return answer("CreateChangeSet", {"Id": change_set["ChangeSetId"], "StackId": stack["StackId"]})


def _stack_for(request: Parameters, kind: str) -> Stack | None:
    if kind != "CREATE":
        stack = requests.existing(value(request, "StackName"))
        requests.check_updatable(stack)
        return stack
    name = plans.stack_name(request)
    taken: Stack | None = store.stacks.get(name)
    if taken is not None and taken["StackStatus"] != "REVIEW_IN_PROGRESS":
        raise Refusal(
            f"Stack [{name}] already exists and cannot be created again with the changeSet "
            f"[{value(request, 'ChangeSetName')}]."
        )
    return taken


def _check_options(request: Parameters, kind: str) -> None:
    problems = helpers.enum_problems(request, "OnStackFailure", "onStackFailure", helpers.ON_FAILURE_VALUES)
    if problems:
        raise Refusal(helpers.validation_error_message(problems))
    if value(request, "OnStackFailure") == "DELETE" and kind != "CREATE":
        raise Refusal("OnStackFailure DELETE is only valid when ChangeSetType is CREATE.")


def _new(stack: Stack, name: str, kind: str, plan: Plan, parent: ChangeSet | None = None) -> ChangeSet:
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
        "Parameters": templates.listed(plan.parameters),
        "Tags": plan.tags or [],
        "Capabilities": plan.capabilities,
        "NotificationARNs": plan.topics or [],
        "IncludeNestedStacks": parent is not None,
        "_plan": plan,
        "_template": plan.template,
        "_template_body": plan.body,
        "_children": {},
    }
    if parent is not None:
        change_set["ParentChangeSetId"] = parent["ChangeSetId"]
        change_set["RootChangeSetId"] = parent.get("RootChangeSetId") or parent["ChangeSetId"]
    cloudformation._change_sets[change_set_id] = change_set
    return change_set


def _compute(change_set: ChangeSet, stack: Stack, plan: Plan) -> None:
    """Find the changes at once; the change set is CREATE_COMPLETE or FAILED when AWS would have them."""
    retag = change_set["ChangeSetType"] == "UPDATE" and (
        plan.tags is not None and _tags(plan.tags) != _tags(stack["Tags"])
    )
    try:
        changes = preview.changes(stack, plan.template, plan.parameters, retag=retag)
        if change_set["IncludeNestedStacks"]:
            _nest(change_set, stack, plan, changes)
        else:
            _look_into_nested(stack, plan, changes)
        reason = _adopt_existing(change_set, changes, plan.template)
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
    await pace.pause(pace.CHANGE_SET * levels, asyncio.Event())
    if cloudformation._change_sets.get(change_set["ChangeSetId"]) is not change_set:
        return  # deleted meanwhile
    if reason:
        change_set.update(Status="FAILED", StatusReason=reason)
        return
    for member in family(change_set):
        member.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE")
    change_set["Changes"] = changes


def family(change_set: ChangeSet) -> list[ChangeSet]:
    """List a change set and all those of the stacks nested below its own."""
    found = [change_set]
    for child_id in change_set.get("_children", {}).values():
        child = cloudformation._change_sets.get(child_id)
        if child is not None:
            found += family(child)
    return found


def _look_into_nested(stack: Stack, plan: Plan, changes: list[dict[str, Any]]) -> None:
    """Without change sets of their own all nested stacks count as changed, as their templates may have."""
    listed = {change["ResourceChange"]["LogicalResourceId"] for change in changes}
    for name in preview.nested_names(plan.template, plan.parameters):
        if name in stack["_resources"] and name not in listed:
            changes.append(preview.automatic(stack, name))


def _adopt_existing(change_set: ChangeSet, changes: list[dict[str, Any]], template: Template) -> str:
    """Turn additions of what exists into imports (ImportExistingResources); returns why it cannot."""
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


def _nest(change_set: ChangeSet, stack: Stack, plan: Plan, changes: list[dict[str, Any]]) -> None:
    """Make the change sets of the stacks nested in this one, and lead to them from the changes.

    Raises ValueError when one of them cannot be made.
    """
    listed = {change["ResourceChange"]["LogicalResourceId"]: change for change in changes}
    for name in preview.nested_names(plan.template, plan.parameters):
        child = _nested_change_set(change_set, stack, plan, name)
        if child is None:
            if name in listed and _only_the_address(listed[name]):
                changes.remove(listed[name])  # the same template behind another URL
            continue
        change_set["_children"][name] = child["ChangeSetId"]
        if name not in listed:
            listed[name] = preview.automatic(stack, name)
            changes.append(listed[name])
        listed[name]["ResourceChange"]["ChangeSetId"] = child["ChangeSetId"]


def _only_the_address(change: dict[str, Any]) -> bool:
    details = change["ResourceChange"].get("Details") or ()
    return bool(details) and all(detail["Target"].get("Name") == "TemplateURL" for detail in details)


def _nested_change_set(parent: ChangeSet, stack: Stack, plan: Plan, name: str) -> ChangeSet | None:
    """Make the change set of one nested stack; None when nothing in it or below changes."""
    properties = preview.properties_later(stack, plan.template, plan.parameters, name)
    body = templates.fetch(properties)
    template = templates.parsed(body)
    templates.check_capabilities(template, parent["Capabilities"])
    parameters = _parameters_later(template, properties)
    engine.validate_template_support(template, engine._evaluate_conditions(template, parameters))
    templates.check_references(template)
    record = stack["_resources"].get(name)
    existing = store.find(record["PhysicalResourceId"]) if record else None
    child_stack = existing or nested.new_stack(stack, name, "REVIEW_IN_PROGRESS")
    child_plan = Plan(
        template=template,
        body=body,
        parameters=parameters,
        tags=None,
        capabilities=parent["Capabilities"],
        topics=None,
    )
    kind = "UPDATE" if existing else "CREATE"
    child_name = f"{parent['ChangeSetName']}-{name}-{new_uuid()[:13].upper()}"
    if existing is None:
        events.begin_operation(child_stack, "CREATE_CHANGESET")
        events.stack_status(child_stack, "REVIEW_IN_PROGRESS", events.USER_INITIATED)
    child = _new(child_stack, child_name, kind, child_plan, parent)
    changes = preview.changes(child_stack, template, parameters, retag=False)
    _nest(child, child_stack, child_plan, changes)
    if existing is not None and not changes:
        cloudformation._change_sets.pop(child["ChangeSetId"])
        return None
    child["Changes"] = changes
    return child


def _parameters_later(template: Template, properties: dict[str, Any]) -> dict[str, Any]:
    """Resolve a nested stack's parameters; one that is not known yet cannot break a constraint."""
    given = properties.get("Parameters") or {}
    waiting = {name for name, found in given.items() if preview.LATER in str(found)}
    declared = {
        name: {"Type": "String", "NoEcho": definition.get("NoEcho", False)} if name in waiting else definition
        for name, definition in (template.get("Parameters") or {}).items()
    }
    known = {name: str(found) if name in waiting else found for name, found in given.items()}
    return templates.nested_parameters(
        {**template, "Parameters": declared}, {**properties, "Parameters": known}
    )


def _execute_change_set(request: Parameters) -> Answer:
    change_set = find(request)
    if change_set["ChangeSetType"] == "IMPORT":
        imported: Answer = changesets._execute_change_set(request)
        return imported
    stack = store.stacks.by_id[change_set["StackId"]]
    done = answer("ExecuteChangeSet", {})
    if tokens.is_repeated(stack, "ExecuteChangeSet", request):
        return done
    _check_executable(change_set, stack, request)
    on_failure = change_set["OnStackFailure"] or (
        "DO_NOTHING" if truth(request, "DisableRollback") else "ROLLBACK"
    )
    tokens.remember(stack, "ExecuteChangeSet", request)
    _begin(change_set, stack)
    plan: Plan = change_set["_plan"]
    options: dict[str, Any] = {
        "retain_except_on_create": truth(request, "RetainExceptOnCreate"),
        "imports": change_set.get("_import_existing"),
    }
    if change_set["ChangeSetType"] == "CREATE":
        plan.put_on(stack)
        stack["DisableRollback"] = on_failure == "DO_NOTHING"
        stack["_disable_validation"] = change_set["_disable_validation"]
        deployment = requests.start_create(stack, on_failure=on_failure, **options)
    else:
        deployment = requests.start_update(
            stack,
            plan,
            disable_rollback=on_failure == "DO_NOTHING",
            disable_validation=change_set["_disable_validation"],
            **options,
        )
    deployment.afterwards.append(lambda ended: _executed(change_set, ended))
    return done


def _check_executable(change_set: ChangeSet, stack: Stack, request: Parameters) -> None:
    code = "InvalidChangeSetStatus"
    name = change_set["ChangeSetId"]
    if root := change_set.get("RootChangeSetId"):
        raise Refusal(f"ChangeSet [{name}] must be executed from its root change set [{root}]", code)
    if change_set["Status"] != "CREATE_COMPLETE":
        raise Refusal(
            f"ChangeSet [{name}] cannot be executed in its current status of [{change_set['Status']}]", code
        )
    if change_set["ExecutionStatus"] != "AVAILABLE":
        raise Refusal(
            f"ChangeSet [{name}] cannot be executed in its current execution status of "
            f"[{change_set['ExecutionStatus']}]",
            code,
        )
    if change_set["ChangeSetType"] != "CREATE":
        requests.check_updatable(stack)
    if change_set["OnStackFailure"] and "DisableRollback" in request:
        raise Refusal(
            "You can't specify DisableRollback when the change set was created with OnStackFailure."
        )


def _begin(change_set: ChangeSet, stack: Stack) -> None:
    members = family(change_set)
    mine = {member["ChangeSetId"] for member in members}
    for other in requests.change_sets_of(stack):
        if other["ChangeSetId"] not in mine:
            drop(other)
    for member in members:
        member["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
        owner = store.stacks.by_id[member["StackId"]]
        owner["_planned"] = dict(member.get("_children", {}))
        owner["ChangeSetId"] = member["ChangeSetId"]


def _executed(change_set: ChangeSet, stack: Stack) -> None:
    for member in family(change_set):
        owner = store.stacks.by_id.get(member["StackId"])
        status = owner["StackStatus"] if owner else "DELETE_COMPLETE"
        complete = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        member["ExecutionStatus"] = "EXECUTE_COMPLETE" if complete else "EXECUTE_FAILED"
        if owner is not None:
            owner.pop("_planned", None)


def _delete_change_set(request: Parameters) -> Answer:
    done = answer("DeleteChangeSet", {})
    try:
        change_set = find(request)
    except Refusal as missing:
        if missing.code == "ChangeSetNotFound":
            return done  # as AWS answers for a stack that exists
        raise
    if root := change_set.get("RootChangeSetId"):
        raise Refusal(
            f"ChangeSet [{change_set['ChangeSetId']}] must be deleted from its root change set [{root}]",
            "InvalidChangeSetStatus",
        )
    if change_set["ExecutionStatus"] == "EXECUTE_IN_PROGRESS":
        raise Refusal(
            f"ChangeSet [{change_set['ChangeSetId']}] cannot be deleted in its current status of "
            f"[{change_set['ExecutionStatus']}]",
            "InvalidChangeSetStatus",
        )
    drop(change_set)
    return done


def drop(change_set: ChangeSet) -> None:
    """Delete a change set with those below it, and the nested stacks that only existed for their review."""
    for member in family(change_set):
        cloudformation._change_sets.pop(member["ChangeSetId"], None)
        stack = store.stacks.by_id.get(member["StackId"])
        if stack is not None and stack.get("ParentId") and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            delete.delete_empty(stack)
