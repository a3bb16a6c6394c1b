"""The steps that continue a failed rollback: check the resources to skip, then continue it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from django.db import transaction

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.cloudformation.operations import Operation, refusal
from deployments.cloudformation.stuck_resources import ROLLBACK_FAILED, StuckResource
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.recovery.steps import stuck_resources
from deployments.stacks.shared import event_log, stack_rows


def check(deployment: Deployment, clients: Clients) -> float:
    """Check that the rollback can continue without the skipped resources, and store what will be retried.

    Raise UserFixable if it cannot; nothing has been changed then.
    """
    try:
        root = clients.cloudformation.describe_stack(deployment.environment.stack_id)
    except AwsNotFound:
        raise UserFixable("StackMissing", Code.STACK_GONE) from None
    if why := refusal(root.status, Operation.CONTINUE):
        raise UserFixable("NotContinuable", why.code, **why.params)
    now_stuck = stuck_resources.read(root, clients.cloudformation)
    wanted = skipped_of(deployment)
    known = {one.skip_name for one in now_stuck}
    if others := sorted(one.key for one in wanted if one.skip_name not in known):
        raise UserFixable("SkipListChanged", Code.SKIP_LIST_CHANGED, resources=", ".join(others))
    stack_rows.seed_from_rollback(deployment, root.stack_id, now_stuck, clients.cloudformation)
    with transaction.atomic():
        seen = {"status": root.status, "updated": root.updated}
        deployment.move_to(State.STACKS, stack_id=root.stack_id, preview_stack=seen)
        event_log.add(deployment, "rollback.found", stuck=len(now_stuck), skipped=len(wanted))
        event_log.add(deployment, "phase", key="stacks", phase="stacks")
    return 0.0


def skipped_of(deployment: Deployment) -> list[StuckResource]:
    """Return the resources that a continued rollback skips."""
    stored: Iterable[dict[str, str]] = deployment.options.get("skip", ())
    return [StuckResource.from_json(one) for one in stored]


def start_if_needed(deployment: Deployment, clients: Clients, root: StackView, *, was_started: bool) -> bool:
    """Continue the rollback unless it was continued before. Return whether this call continued it.

    A second call with the same token has no effect.
    """
    if was_started:
        return False
    if root.status == ROLLBACK_FAILED:
        deployment.confirm_claim()
        with suppress(AwsAlreadyDone):  # by a step whose response was lost
            clients.cloudformation.continue_update_rollback(
                root.stack_id,
                str(deployment.token),
                [one.skip_name for one in skipped_of(deployment)],
                deployment.environment.account.stack_role_arn,
            )
    event_log.add(deployment, "rollback.started", stack_name=root.name)
    return root.status == ROLLBACK_FAILED
