"""The API actions that create, execute and delete change sets."""

import asyncio
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, helpers

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.cloudformation import (
    delete,
    deployment_config,
    events,
    plans,
    requests,
    review,
    service_role,
    store,
    tokens,
)
from sanso_sandbox.engine.cloudformation.plans import Plan
from sanso_sandbox.engine.cloudformation.responses import (
    Answer,
    Parameters,
    Refusal,
    action,
    answer,
    truth,
    value,
)
from sanso_sandbox.engine.cloudformation.review import ChangeSet
from sanso_sandbox.engine.cloudformation.store import Stack

_deleting: set[asyncio.Task[None]] = set()


def install() -> None:
    """Install the actions; imports of resources are still MiniStack's."""
    handlers._ACTION_HANDLERS.update(
        CreateChangeSet=action(_create_change_set),
        ExecuteChangeSet=action(_execute_change_set),
        DeleteChangeSet=action(_delete_change_set),
    )


def find(request: Parameters) -> ChangeSet:
    """Return the change set of a request, by ARN or by name and stack. Raises Refusal if there is none."""
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
    change_set = review.new(stack, name, kind, plan)
    change_set.update(
        Description=value(request, "Description"),
        OnStackFailure=value(request, "OnStackFailure"),
        IncludeNestedStacks=truth(request, "IncludeNestedStacks"),
        ImportExistingResources=truth(request, "ImportExistingResources"),
        _token=value(request, "ClientToken"),
        _role=value(request, service_role.KEY),
        _deployment_config=deployment_config.read(request),
        _disable_validation=truth(request, "DisableValidation"),
    )
    review.compute(change_set, stack, plan)
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
    config = change_set["_deployment_config"]
    if config:
        on_failure = "DO_NOTHING" if config["DisableRollback"] else "ROLLBACK"
    if change_set["ChangeSetType"] != "CREATE":
        deployment_config.check_update(stack, config)
        requests.check_retry(stack, disable_rollback=on_failure == "DO_NOTHING")
    tokens.remember(stack, "ExecuteChangeSet", request)
    service_role.requested.set(change_set["_role"])
    deployment_config.keep(stack, config)
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
    if change_set["_deployment_config"] and "DisableRollback" in request:
        raise Refusal("You can't specify DisableRollback for a change set with a DeploymentConfig.")
    if change_set["OnStackFailure"] and "DisableRollback" in request:
        raise Refusal(
            "You can't specify DisableRollback when the change set was created with OnStackFailure."
        )


def _begin(change_set: ChangeSet, stack: Stack) -> None:
    members = review.family(change_set)
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
    for member in review.family(change_set):
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
            return done  # AWS's response for a stack that exists
        raise
    if root := change_set.get("RootChangeSetId"):
        raise Refusal(
            f"ChangeSet [{change_set['ChangeSetId']}] must be deleted from its root change set [{root}]",
            "InvalidChangeSetStatus",
        )
    if change_set["Status"] in ("DELETE_PENDING", "DELETE_IN_PROGRESS"):
        return done
    if change_set["ExecutionStatus"] == "EXECUTE_IN_PROGRESS":
        raise Refusal(
            f"ChangeSet [{change_set['ChangeSetId']}] cannot be deleted in its current status of "
            f"[{change_set['ExecutionStatus']}]",
            "InvalidChangeSetStatus",
        )
    if change_set["IncludeNestedStacks"]:
        _start_deletion(change_set)
    else:
        drop(change_set)
    return done


def _start_deletion(change_set: ChangeSet) -> None:
    """Delete a change set with nested ones in the background: DELETE_PENDING, DELETE_IN_PROGRESS, deleted.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-delete.html
    """
    members = review.family(change_set)
    for member in members:
        member.update(Status="DELETE_PENDING", ExecutionStatus="UNAVAILABLE")

    async def delete_all() -> None:
        await time_scale.pause(time_scale.CHANGE_SET / 2, asyncio.Event())
        for member in members:
            member["Status"] = "DELETE_IN_PROGRESS"
        await time_scale.pause(time_scale.CHANGE_SET / 2, asyncio.Event())
        drop(change_set)

    task = asyncio.get_running_loop().create_task(delete_all())
    _deleting.add(task)
    task.add_done_callback(_deleting.discard)


def drop(change_set: ChangeSet) -> None:
    """Delete a change set with its nested ones, and the nested stacks that exist only for the review."""
    for member in review.family(change_set):
        cloudformation._change_sets.pop(member["ChangeSetId"], None)
        stack = store.stacks.by_id.get(member["StackId"])
        if stack is not None and stack.get("ParentId") and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            delete.delete_empty(stack)
