"""The steps of a change from Apply to its stacks: its turn in the queue, its servers, the execution."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from deployments.access.models.permissions import can
from deployments.aws.cloudformation import ChangeSet, StackView
from deployments.aws.session import Clients
from deployments.changes.models.snapshot_choices import are_missing
from deployments.changes.shared import approvals, snapshots_first
from deployments.changes.steps import queue
from deployments.changes.steps.preview import AT_ONCE, BUSY, SOON, delete_change_set, end_canceled, seen_of
from deployments.cloudformation.status import is_final
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, Message
from deployments.common.message_codes import Code
from deployments.environments.models import waiting
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.locks.models import Hold, hold_of
from deployments.releases import shared as releases
from deployments.stacks.shared import event_log, finalize, incarnation, skipped, stack_rows

HELD = 30.0
"""Seconds between two checks of a lock or a freeze. Breaking a lock makes the queue due by itself."""
CHANGE = "deployments.change_environment"
"""The permission that a change needs, at its request and at its beginning."""
RELEASE = "deployments.release_environment"
"""The additional permission for applying a change that gives running servers another version."""


def begin(deployment: Deployment, clients: Clients) -> float | None:
    """Execute the applied change set when it is the change's turn, and begin the phase of the stacks.

    If the stack has changed since its preview was computed, compute a new preview instead. If the change
    needs an approval and has none, wait for one. End a canceled change, unless its execution has begun.
    Return the seconds until the next step, None at the end.
    """
    hold = None if deployment.state == State.SNAPSHOT else hold_of(deployment.environment)
    if (hold and deployment.active_key is None) or not queue.take_place(deployment):
        return wait_for(hold)
    change_set = _change_set(deployment, clients)
    is_begun = _is_begun(change_set)
    if deployment.is_cancel_pending and not is_begun:
        end_canceled(deployment, clients)
        return None
    if change_set is None:
        return _out_of_date(deployment)
    if not is_begun:
        delay = _give_back(deployment, hold) if hold else _execute(deployment, clients, change_set)
        if delay is not None:
            return delay
    incarnation.remember(deployment.environment)
    with transaction.atomic():
        # Releases before counted the wait of a preview.
        event_log.begin_phase(deployment, State.STACKS, progress=0)
        Environment.objects.filter(pk=deployment.environment_id).update(latest=deployment)
        skipped.begin(deployment)
        event_log.add(
            deployment, "stacks.started", stack_name=deployment.environment.stack_name, kind="update"
        )
    return AT_ONCE


def _give_back(deployment: Deployment, hold: Hold) -> float:
    """Give the environment's place back during a hold that began after Apply. Return the seconds to wait."""
    queue.give_back(deployment)
    return wait_for(hold)


def _execute(deployment: Deployment, clients: Clients, change_set: ChangeSet) -> float | None:
    """Execute the change set if it is still the one that was previewed, permitted and approved.

    Return None once it is executed, else the seconds until the next step.
    """
    stack = clients.cloudformation.describe_stack(deployment.stack_id)
    if not is_final(stack.status):
        return BUSY
    if not _is_current(deployment, stack, change_set):
        return _out_of_date(deployment)
    if not _is_permitted(deployment) or _is_withdrawn(deployment):
        return AT_ONCE
    if approvals.is_missing(deployment):
        delay = approvals.request_again(deployment)
        waiting.wake(deployment.environment_id)
        return delay
    if are_missing(deployment):
        return _save(deployment, clients)
    if not deployment.is_only_servers:
        stack_rows.seed_from_update(deployment, change_set, clients.cloudformation)
    if releases.begin(deployment, clients):
        return _begin_servers(deployment)
    return None if _executed(deployment, clients, change_set) else SOON


def _save(deployment: Deployment, clients: Clients) -> float:
    """Take the chosen snapshots. Each step until they are available checks again what the first one did."""
    if deployment.state != State.SNAPSHOT:
        snapshots_first.begin(deployment)
    snapshots_first.advance(deployment, clients)
    if are_missing(deployment):
        return deployment.environment.account.timings.snapshot
    return AT_ONCE


def _begin_servers(deployment: Deployment) -> float:
    incarnation.remember(deployment.environment)
    with transaction.atomic():
        event_log.begin_phase(deployment, State.SERVERS, progress=0)
        Environment.objects.filter(pk=deployment.environment_id).update(latest=deployment)
    return AT_ONCE


def _executed(deployment: Deployment, clients: Clients, change_set: ChangeSet) -> bool:
    """Execute a change set. Return False if its status must be read again.

    Then a step whose response was lost has executed it, or it is out of date.
    """
    deployment.confirm_claim()
    try:
        clients.cloudformation.execute_change_set(
            change_set.change_set_id,
            str(deployment.token),
            keep_on_failure=None if deployment.is_express else deployment.keep_on_failure,
        )
    except AwsAlreadyDone:
        return False
    return True


def execute_after_servers(deployment: Deployment, clients: Clients) -> float | None:
    """Execute the change set once every server has the new version, and begin the phase of the stacks.

    Return the seconds until the next step, None at the end.
    """
    environment = Environment.objects.get(pk=deployment.environment_id)
    status, outputs = environment.stack_status, dict(environment.outputs)
    if deployment.is_only_servers:
        delete_change_set(deployment, clients)
        finalize.finalize(deployment, State.SUCCEEDED, status, outputs, ready_at=timezone.now())
        return None
    change_set = _change_set(deployment, clients)
    execution = change_set.execution_status if change_set else ""
    if change_set is None or not execution.startswith(("AVAILABLE", "EXECUTE_")):
        message = Message(Code.RELEASE_STACK_CHANGED)
        finalize.finalize(deployment, State.FAILED, status, outputs, "ReleaseStackChanged", message)
        return None
    if execution == "AVAILABLE" and not _executed(deployment, clients, change_set):
        return SOON
    with transaction.atomic():
        event_log.begin_phase(deployment, State.STACKS)
        event_log.add(deployment, "stacks.started", stack_name=environment.stack_name, kind="update")
    return AT_ONCE


def has_begun(deployment: Deployment, clients: Clients) -> bool:
    """Return whether the change set is being executed, or was: the step that did it may have died."""
    return _is_begun(_change_set(deployment, clients))


def _is_begun(change_set: ChangeSet | None) -> bool:
    return change_set is not None and change_set.execution_status.startswith("EXECUTE_")


def _change_set(deployment: Deployment, clients: Clients) -> ChangeSet | None:
    """Return the change set; None if it is gone: CloudFormation deletes it when it executes another one."""
    try:
        return clients.cloudformation.describe_change_set(deployment.change_set_id)
    except AwsNotFound:
        return None


def _is_permitted(deployment: Deployment) -> bool:
    """Return whether the user who applied the change still may; if not, cancel it and give its place back."""
    user = deployment.applied_by
    needed = (CHANGE, RELEASE) if deployment.releases_to_servers else (CHANGE,)
    if user is None or all(can(user, right, deployment.environment) for right in needed):
        return True
    deployment.record(cancel_code="permission_lost", active_key=None)
    return False


def _is_withdrawn(deployment: Deployment) -> bool:
    """Return whether the version was withdrawn after Apply; then cancel the change and give its place back.

    A rollback to a withdrawn version is allowed, and so is a change of an environment that already has it.
    """
    version, base = deployment.template_version, deployment.base
    if version is None or deployment.rolls_back_to_id:
        return False
    if not version.is_withdrawn_for(base.template_digest if base else ""):
        return False
    deployment.record(cancel_code="version_withdrawn", active_key=None)
    return True


def wait_for(hold: Hold | None) -> float:
    """Return the seconds until the next check of a hold or, without one, of the position in the queue.

    A hold may end before its planned end.
    """
    if hold is None:
        return BUSY
    left = (hold.until - timezone.now()).total_seconds() if hold.until else HELD
    return min(max(left, SOON), HELD)


def _is_current(deployment: Deployment, stack: StackView, change_set: ChangeSet) -> bool:
    is_usable = deployment.is_only_servers or change_set.execution_status == "AVAILABLE"
    return is_usable and seen_of(stack) == deployment.preview_stack


def _out_of_date(deployment: Deployment) -> float:
    with transaction.atomic():
        event_log.add(deployment, "change.out_of_date", key=str(deployment.revision))
        queue.restart_preview(deployment)
        event_log.add(deployment, "phase", key=f"change_set{deployment.revision}", phase="change_set")
    return AT_ONCE
