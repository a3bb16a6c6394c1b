"""The API actions that create, update and delete a stack, with the errors that AWS returns for them."""

import json
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers

from sanso_sandbox.engine.cloudformation import (
    deployment_config,
    events,
    lifecycle,
    nested,
    plans,
    store,
    tokens,
)
from sanso_sandbox.engine.cloudformation.responses import (
    Answer,
    Parameters,
    Refusal,
    action,
    answer,
    passed,
    truth,
    value,
)
from sanso_sandbox.engine.cloudformation.run import Run
from sanso_sandbox.engine.cloudformation.store import Stack

UPDATABLE = (
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_COMPLETE",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
DELETABLE_IN_PROGRESS = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "REVIEW_IN_PROGRESS")


def install() -> None:
    """Install the actions."""
    handlers._capabilities_enforced = lambda: True
    handlers._ACTION_HANDLERS.update(
        CreateStack=action(_create_stack),
        UpdateStack=action(_update_stack),
        DeleteStack=action(_delete_stack),
    )


def existing(name: str) -> Stack:
    """Return a stack that has not been deleted. Raises Refusal if there is none."""
    stack = store.find(name)
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        raise Refusal(f"Stack [{name}] does not exist")
    return stack


def check_updatable(stack: Stack) -> None:
    """Raise Refusal if the status of a stack does not allow an update."""
    if stack["StackStatus"] not in UPDATABLE:
        raise Refusal(f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated.")


def check_retry(stack: Stack, *, disable_rollback: bool) -> None:
    """Raise Refusal if an update with rollback is requested for a stack that was kept after a failure.

    https://github.com/aws/aws-cdk/issues/30546 and stack-failure-options.html in the user guide.
    """
    status = stack["StackStatus"]
    if status in ("CREATE_FAILED", "UPDATE_FAILED") and not disable_rollback:
        raise Refusal(
            f"This stack is currently in a non-terminal [{status}] state. To update the stack from this "
            "state, please use the disable-rollback parameter with update-stack API. To rollback to the last "
            "known good state, use the rollback-stack API"
        )


def _operation_id(stack: Stack) -> str:
    found: str = stack["_operations"][-1]["OperationId"]
    return found


def accepted(name: str, stack: Stack) -> Answer:
    """Return the response to a request that has started an operation."""
    return answer(name, {"StackId": stack["StackId"], "OperationId": _operation_id(stack)})


def _create_stack(request: Parameters) -> Answer:
    name = plans.stack_name(request)
    taken = store.stacks.get(name)
    if taken is not None:
        if tokens.is_repeated(taken, "CreateStack", request):
            return accepted("CreateStack", taken)
        raise Refusal(f"Stack [{name}] already exists", "AlreadyExistsException")
    config = deployment_config.read(request)
    on_failure = _on_failure(request)
    if config:
        on_failure = "DO_NOTHING" if config["DisableRollback"] else "ROLLBACK"
    plan = plans.read(request, None)
    policy = _stack_policy(request, "StackPolicy")
    stack = store.new_stack(name, "CREATE_IN_PROGRESS")
    plan.put_on(stack)
    stack.update(
        DisableRollback=on_failure == "DO_NOTHING",
        EnableTerminationProtection=truth(request, "EnableTerminationProtection"),
        _stack_policy=policy,
        _disable_validation=truth(request, "DisableValidation"),
    )
    deployment_config.keep(stack, config)
    tokens.remember(stack, "CreateStack", request)
    start_create(stack, on_failure=on_failure, retain_except_on_create=truth(request, "RetainExceptOnCreate"))
    return accepted("CreateStack", stack)


def _on_failure(request: Parameters) -> str:
    """Return OnFailure, or its equivalent of DisableRollback. Raises Refusal for both at once."""
    chosen = value(request, "OnFailure")
    problems = helpers.enum_problems(request, "OnFailure", "onFailure", helpers.ON_FAILURE_VALUES)
    if problems:
        raise Refusal(helpers.validation_error_message(problems))
    if chosen and "DisableRollback" in request:
        raise Refusal("You can specify either DisableRollback or OnFailure, but not both.")
    return chosen or ("DO_NOTHING" if truth(request, "DisableRollback") else "ROLLBACK")


def start_create(
    stack: Stack, *, on_failure: str, retain_except_on_create: bool, imports: dict[str, Any] | None = None
) -> lifecycle.Deployment:
    """Start to create a stack on which the plan has been set.

    Args:
        on_failure: ROLLBACK, DELETE or DO_NOTHING.
    """
    events.begin_operation(stack, "CREATE_STACK")
    events.stack_status(stack, "CREATE_IN_PROGRESS", events.USER_INITIATED)
    deployment = lifecycle.Deployment(
        Run(
            stack,
            stack["_template"],
            stack["_resolved_params"],
            disable_rollback=on_failure == "DO_NOTHING",
            delete_on_failure=on_failure == "DELETE",
            retain_except_on_create=retain_except_on_create,
            imports=imports or {},
        )
    )
    lifecycle.start(deployment, stack)
    return deployment


def _update_stack(request: Parameters) -> Answer:
    stack = existing(value(request, "StackName"))
    if tokens.is_repeated(stack, "UpdateStack", request):
        return accepted("UpdateStack", stack)
    check_updatable(stack)
    config = deployment_config.read(request)
    disable_rollback = config["DisableRollback"] if config else truth(request, "DisableRollback")
    deployment_config.check_update(stack, config)
    check_retry(stack, disable_rollback=disable_rollback)
    plan = plans.read(request, stack)
    if plans.changes_nothing(plan, stack):
        raise Refusal("No updates are to be performed.")
    once = _stack_policy(request, "StackPolicyDuringUpdate")
    stack["_stack_policy"] = _stack_policy(request, "StackPolicy") or stack.get("_stack_policy", "")
    tokens.remember(stack, "UpdateStack", request)
    _make_obsolete(stack)
    deployment_config.keep(stack, config)
    start_update(
        stack,
        plan,
        disable_rollback=disable_rollback,
        retain_except_on_create=truth(request, "RetainExceptOnCreate"),
        disable_validation=truth(request, "DisableValidation"),
        policy_during_update=once,
    )
    return accepted("UpdateStack", stack)


def _stack_policy(request: Parameters, name: str) -> str:
    """Return a stack policy of a request, "" without one. Raises Refusal if it is no JSON object."""
    policy, refused = helpers._resolve_document(request, f"{name}Body", f"{name}URL", "Stack policy")
    passed(refused)
    try:
        is_object = isinstance(json.loads(policy or "{}"), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise Refusal("Error validating stack policy: Invalid stack policy")
    return policy or ""


def _make_obsolete(stack: Stack) -> None:
    """Make the change sets of a stack and its nested ones obsolete, since the stack has changed."""
    roots = {found["ChangeSetId"] for found in change_sets_of(stack)}
    for change_set in cloudformation._change_sets.values():
        mine = change_set["ChangeSetId"] in roots or change_set.get("RootChangeSetId") in roots
        if mine and change_set["ExecutionStatus"] == "AVAILABLE":
            change_set["ExecutionStatus"] = "OBSOLETE"


def change_sets_of(stack: Stack) -> list[dict[str, Any]]:
    """Return the change sets of a stack."""
    return [found for found in cloudformation._change_sets.values() if found["StackId"] == stack["StackId"]]


def start_update(
    stack: Stack,
    plan: plans.Plan,
    *,
    disable_rollback: bool,
    retain_except_on_create: bool,
    disable_validation: bool = False,
    policy_during_update: str = "",
    imports: dict[str, Any] | None = None,
) -> lifecycle.Deployment:
    """Start to update a stack with a plan."""
    previous = nested.snapshot(stack)
    plan.put_on(stack)
    stack.update(_disable_validation=disable_validation, _policy_during_update=policy_during_update, _gone={})
    failed = stack.pop("_failed_operation", None)
    events.begin_operation(stack, "UPDATE_STACK")
    events.stack_status(stack, "UPDATE_IN_PROGRESS", events.USER_INITIATED)
    deployment = lifecycle.Deployment(
        Run(
            stack,
            plan.template,
            plan.parameters,
            previous=previous,
            disable_rollback=disable_rollback,
            retain_except_on_create=retain_except_on_create,
            imports=imports or {},
            earlier=failed["run"] if failed else None,
        )
    )
    lifecycle.start(deployment, stack)
    return deployment


def _delete_stack(request: Parameters) -> Answer:
    name = value(request, "StackName")
    problems = helpers.enum_problems(request, "DeletionMode", "deletionMode", helpers.DELETION_MODE_VALUES)
    if problems:
        raise Refusal(helpers.validation_error_message(problems))
    stack = store.find(name)
    done = answer("DeleteStack")
    if stack is None or tokens.is_repeated(stack, "DeleteStack", request):
        return done
    if stack["StackStatus"] in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE"):
        return done
    _check_deletable(name, stack)
    force = value(request, "DeletionMode") == "FORCE_DELETE_STACK"
    retain = helpers._extract_string_members(request, "RetainResources")
    _check_kept(stack, retain, force)
    tokens.remember(stack, "DeleteStack", request)
    if value(request, "DeletionMode"):
        stack["DeletionMode"] = value(request, "DeletionMode")
    lifecycle.start_delete(stack, retain, force)
    return done


def _check_deletable(name: str, stack: Stack) -> None:
    if stack.get("EnableTerminationProtection"):
        raise Refusal(f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")
    status = stack["StackStatus"]
    if status.endswith("IN_PROGRESS") and status not in DELETABLE_IN_PROGRESS:
        raise Refusal(f"Stack [{stack['StackId']}] cannot be deleted while in status {status}")
    exports = {output["ExportName"] for output in stack["Outputs"] if output.get("ExportName")}
    for other in store.stacks.values() if exports else ():
        if other is stack or other["StackStatus"].startswith("DELETE"):
            continue
        if used := exports & handlers._imported_export_names(other, other["StackName"]):
            raise Refusal(
                f"Export {sorted(used)[0]} cannot be deleted as it is in use by {other['StackName']}"
            )


def _check_kept(stack: Stack, retain: list[str], force: bool) -> None:
    """Raise Refusal for RetainResources or FORCE_DELETE_STACK unless the deletion of the stack has failed."""
    failed = stack["StackStatus"] == "DELETE_FAILED"
    where = f"Invalid operation on stack [{stack['StackId']}]."
    if retain and not failed:
        raise Refusal(
            f"{where} When you delete a stack, specify which resources to retain only when the stack is in "
            "the DELETE_FAILED state."
        )
    if force and not failed:
        raise Refusal(
            f"{where} You can activate DeletionMode FORCE_DELETE_STACK in a delete stack operation only when "
            "the stack is in the DELETE_FAILED state."
        )
    if unknown := sorted(set(retain) - set(stack["_resources"])):
        raise Refusal(f"{where} The specified resources to retain [{', '.join(unknown)}] do not exist.")
