"""The API actions that undo an update: cancel it, continue its rollback, or roll back a kept failure."""

from ministack.services.cloudformation import handlers, helpers, stacks

from sanso_sandbox.engine.cloudformation import (
    deployment_config,
    events,
    lifecycle,
    requests,
    rollback,
    store,
    tokens,
)
from sanso_sandbox.engine.cloudformation.responses import (
    Answer,
    Parameters,
    Refusal,
    action,
    answer,
    truth,
    value,
)
from sanso_sandbox.engine.cloudformation.run import Run


def install() -> None:
    """Install the actions."""
    handlers._ACTION_HANDLERS.update(
        CancelUpdateStack=action(_cancel_update_stack),
        ContinueUpdateRollback=action(_continue_update_rollback),
        RollbackStack=action(_rollback_stack),
    )


def _cancel_update_stack(request: Parameters) -> Answer:
    stack = requests.existing(value(request, "StackName"))
    if tokens.is_repeated(stack, "CancelUpdateStack", request):
        return answer("CancelUpdateStack")
    at_work = store.running.get(stack["StackId"])
    if stack["StackStatus"] != "UPDATE_IN_PROGRESS" or at_work is None or at_work.run is None:
        raise Refusal("CancelUpdateStack cannot be called from current stack status")
    tokens.remember(stack, "CancelUpdateStack", request)
    run: Run = at_work.run
    run.cancelled, run.cancel_token = True, value(request, tokens.NAME)
    stacks.CLIENT_REQUEST_TOKEN.set(run.cancel_token)
    # Before updates in flight are canceled: AWS's events have this order.
    events.stack_status(stack, "UPDATE_ROLLBACK_IN_PROGRESS", events.USER_INITIATED)
    run.halt()
    return answer("CancelUpdateStack")


def _continue_update_rollback(request: Parameters) -> Answer:
    stack = requests.existing(value(request, "StackName"))
    done = answer("ContinueUpdateRollback", {})
    if tokens.is_repeated(stack, "ContinueUpdateRollback", request):
        return done
    run: Run | None = stack.get("_rollback_run")
    if stack["StackStatus"] != "UPDATE_ROLLBACK_FAILED" or run is None:
        raise Refusal("ContinueUpdateRollback cannot be called from current stack status")
    if stack.get("ParentId"):
        raise Refusal("RollbackUpdatedStack operation cannot be performed on a nested stack")
    skipped = set(helpers._extract_string_members(request, "ResourcesToSkip"))
    if unknown := sorted(skipped - rollback.failed_names(run)):
        raise Refusal(f"Resource(s) [{', '.join(unknown)}] cannot be skipped: their rollback did not fail")
    tokens.remember(stack, "ContinueUpdateRollback", request)
    events.begin_operation(stack, "CONTINUE_ROLLBACK")
    lifecycle.start(rollback.continue_rollback(run, skipped), stack)
    return done


def _rollback_stack(request: Parameters) -> Answer:
    """Roll back a stack whose create or update failed with rollback disabled (API_RollbackStack)."""
    stack = requests.existing(value(request, "StackName"))
    if tokens.is_repeated(stack, "RollbackStack", request):
        return requests.accepted("RollbackStack", stack)
    failed = stack.get("_failed_operation")
    if stack["StackStatus"] not in ("CREATE_FAILED", "UPDATE_FAILED") or failed is None:
        raise Refusal("RollbackStack cannot be called from current stack status")
    deployment_config.check_rollback(stack)
    run: Run = failed["run"]
    if "RetainExceptOnCreate" in request:
        run.retain_except_on_create = truth(request, "RetainExceptOnCreate")
    tokens.remember(stack, "RollbackStack", request)
    events.begin_operation(stack, "ROLLBACK")
    lifecycle.start(lifecycle.roll_back(run), stack)
    return requests.accepted("RollbackStack", stack)
