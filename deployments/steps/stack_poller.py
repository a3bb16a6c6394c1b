"""Poll the stacks of a deployment and store their events, until the root stack's status is final."""

from __future__ import annotations

import heapq
import time
from contextlib import suppress
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import CloudFormation, StackEvent, StackView
from deployments.aws.session import Clients
from deployments.changes.steps import creation
from deployments.cloudformation.root_cause import first_failure
from deployments.cloudformation.status import DELETED, IN_REVIEW, is_failed, is_final, is_of_deletion
from deployments.cloudformation.stuck_resources import STUCK
from deployments.common.errors import AwsNotFound, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.outcome import outcome
from deployments.environments.rules.phases import DELETING, ROLLBACKS, Kind, State
from deployments.failures.models import Evidence
from deployments.failures.steps import evidence, stopped_stacks
from deployments.recovery.steps import cancel, delete, rollbacks
from deployments.stacks.models import timeline
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Stack
from deployments.stacks.shared import event_log, finalize, incarnation, stack_rows
from deployments.stacks.steps import last_statuses, poll_selection
from deployments.steps import readiness

PASS_SECONDS = 8.0
"""Time limit of a pass in seconds; the next pass continues, so that a step ends within its lease."""
TRAILING_PASSES = 5
"""Passes to wait for the last events once the root stack is final: they lag behind DescribeStacks."""


def poll(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    """Poll the stacks once. Return the seconds until the next poll, None if the deployment has ended."""
    polls = poll_selection.PollSelection(deployment, now)
    root = None
    if polls.includes_root or deployment.is_cancel_pending:
        try:
            root = clients.cloudformation.describe_stack(deployment.stack_id)
        except AwsNotFound:
            finish_without_stack(deployment)
            return None
        if _start_or_stop(deployment, clients, root):
            return creation.AT_ONCE
    end = _outcome(deployment, root) if root else None
    changed = _read_what_can_be(deployment, clients, polls, is_over=end is not None)
    deployment.record(polled_at=now)
    is_explained = True
    if changed or end is not None:  # once more at the end: throttled reads may succeed now
        is_explained = _gather_evidence(deployment, clients, end, root)
    own = Stack.objects.get(deployment=deployment, path="")
    if root is not None and end is not None:
        if is_explained and _is_read(deployment, own, root):
            return finish(deployment, end, root)
        if deployment.quiet_passes >= TRAILING_PASSES:
            return _finish_without_events(deployment, clients, end, root)
        deployment.record(quiet_passes=0 if changed else deployment.quiet_passes + 1)
    _mirror(deployment, root.status if root else own.status)
    return polls.delay(polled_root=root is not None)


def _start_or_stop(deployment: Deployment, clients: Clients, root: StackView) -> bool:
    """Start the stack operation unless it has begun, or stop it if that was requested.

    Return whether this call requested either of them.
    """
    if deployment.is_cancel_pending:
        cancel.stop(deployment, clients, root, has_begun=has_begun(deployment, root))
        return deployment.is_stopping
    return not deployment.is_stopping and _start_if_needed(deployment, clients, root)


def _outcome(deployment: Deployment, root: StackView) -> State | None:
    if not has_begun(deployment, root):
        return None
    return outcome(Kind(deployment.kind), root.status, is_canceled=deployment.is_stopping)


def _is_read(deployment: Deployment, own: Stack, root: StackView) -> bool:
    """Return whether the last events of all stacks are stored."""
    return own.status == root.status and not Stack.objects.of(deployment).to_poll().exists()


def _gather_evidence(
    deployment: Deployment, clients: Clients, end: State | None, root: StackView | None
) -> bool:
    """Store the evidence of a failure. Return False while AWS throttles the events that explain it.

    Nothing waits longer for them than for the last events.
    """
    evidence.gather(deployment, clients, is_last=end is not None)
    is_deleted = root is not None and root.status == DELETED  # by somebody else
    has_failed = end in (State.FAILED, State.ROLLED_BACK) and not is_deleted
    is_explained = stopped_stacks.gather(deployment, clients.cloudformation, has_failed=has_failed)
    return is_explained or deployment.quiet_passes >= TRAILING_PASSES


def _read_what_can_be(
    deployment: Deployment, clients: Clients, polls: poll_selection.PollSelection, *, is_over: bool
) -> int:
    """Store the new events and return their number; do not wait for any once the operation has ended.

    DescribeStackEvents and DescribeStacks are throttled separately. Raise AwsRetryable before the end.
    """
    try:
        return _read_events(deployment, clients.cloudformation, polls, everything=is_over)
    except AwsRetryable:
        if not is_over:
            raise
        return 0


def catch_up(deployment: Deployment, clients: Clients, now: datetime) -> None:
    """Read the events that could not be read before the later phases began; if this fails, retry later."""
    if Stack.objects.of(deployment).to_poll().exists():
        with suppress(AwsRetryable):
            polls = poll_selection.PollSelection(deployment, now)
            _read_events(deployment, clients.cloudformation, polls, everything=False)


def _start_if_needed(deployment: Deployment, clients: Clients, root: StackView) -> bool:
    """Start the stack operation of this deployment unless it has begun. Return whether it began here."""
    if deployment.kind == Kind.DELETE:
        if is_of_deletion(root.status) and not is_failed(root.status):
            event_log.add(deployment, "delete.started", stack_name=root.name)
            return False
        if _has_event(deployment, "delete.started"):
            return False
        if delete.nested_first(deployment, clients):
            return False
        delete.start(deployment, clients, root)
        return True
    if deployment.kind == Kind.UPDATE:
        return False  # it has begun before: see execution.begin
    if deployment.kind in ROLLBACKS:
        return _start_rollback_if_needed(deployment, clients, root)
    if root.status != IN_REVIEW:
        event_log.add(deployment, "stacks.started", stack_name=root.name)
        return False
    if _has_event(deployment, "stacks.started"):
        return False
    creation.execute(deployment, clients)
    return True


def _start_rollback_if_needed(deployment: Deployment, clients: Clients, root: StackView) -> bool:
    if deployment.kind == Kind.ROLLBACK:
        was_started = _has_event(deployment, "rollback.started")
        return rollbacks.continue_if_needed(deployment, clients, root, was_started=was_started)
    was_started = _has_event(deployment, "kept.rollback_started")
    return rollbacks.start_rollback(deployment, clients, root, was_started=was_started)


def has_begun(deployment: Deployment, root: StackView) -> bool:
    """Return whether the root stack's status is from this deployment: after an update starts, it lags.

    After a failed rollback or deletion, the stack already has the status of another failure.
    """
    if deployment.kind == Kind.UPDATE:
        return bool(root.updated != deployment.preview_stack.get("updated", ""))
    if root.status in STUCK and root.status == deployment.preview_stack.get("status"):
        return Stack.objects.of(deployment).filter(path="").exclude(changed_at=None).exists()
    return True


def _has_event(deployment: Deployment, code: str) -> bool:
    return Event.objects.filter(deployment=deployment, event_id=f"portal:{code}").exists()


def _read_events(
    deployment: Deployment,
    cloudformation: CloudFormation,
    polls: poll_selection.PollSelection,
    *,
    everything: bool,
) -> int:
    """Store new events of the stacks that this step polls, and return their number.

    A nested stack is polled from its first event in the parent until its status is final; `everything` reads
    all stacks once more. Nested stacks found on the way are read in the same pass. All events are written
    together, in chronological order, also those that were read before an error.
    """
    until = time.monotonic() + PASS_SECONDS
    read: dict[int, tuple[Stack, list[StackEvent]]] = {}
    try:
        while time.monotonic() < until:
            rows = Stack.objects.of(deployment)
            if not everything:
                rows = rows.to_poll()
            left = [s for s in rows if s.stack_id and s.pk not in read and (everything or polls.includes(s))]
            stack = min(left, key=lambda s: s.hinted_at is None, default=None)
            if stack is None:
                break
            read[stack.pk] = stack, _new_events(stack, cloudformation)
    finally:
        written = _write(deployment, list(read.values()), polls)
    return written


def _new_events(stack: Stack, cloudformation: CloudFormation) -> list[StackEvent]:
    try:
        events = cloudformation.events_after(stack.stack_id, stack.bookmark)
    except AwsNotFound:
        if stack.bookmark:  # else it is new, and CloudFormation may not find it yet
            Stack.objects.filter(pk=stack.pk).update(settled=True)
        return []
    for event in events:
        _reopen_child(stack, event)
    return events


def _write(
    deployment: Deployment, read: list[tuple[Stack, list[StackEvent]]], polls: poll_selection.PollSelection
) -> int:
    entries = in_order(read)
    with transaction.atomic():
        deployment.confirm_claim()
        written = event_log.append(deployment, entries)
        for stack, events in read:
            values = {"bookmark": events[-1].event_id} if events else {}
            polling = polls.state_after(stack, new_events=bool(events))
            Stack.objects.filter(pk=stack.pk).update(polling=polling, **values)
            Stack.objects.filter(pk=stack.pk, hinted_at=stack.hinted_at).update(hinted_at=None)
            updated = Stack.objects.get(pk=stack.pk)
            if updated.status and is_final(updated.status) and updated.changed_at:
                Stack.objects.filter(pk=stack.pk).update(settled=True)
    return written


def in_order(read: list[tuple[Stack, list[StackEvent]]]) -> list[event_log.Entry]:
    """Merge the events of several stacks by time; those of one stack keep their order.

    With equal times, a stack begins before its resources and ends after them.
    """

    def when(entry: event_log.Entry) -> tuple[datetime, int]:
        depth = entry.stack.depth if entry.stack else 0
        return entry.at, -depth if entry.event and is_final(entry.event.status) else depth

    lists = [[event_log.of_stack(stack, event) for event in events] for stack, events in read]
    return list(heapq.merge(*lists, key=when))


def _reopen_child(parent: Stack, event: StackEvent) -> None:
    """Poll a nested stack again if an event of its parent is newer than its final status."""
    if event.type != STACK_TYPE or event.is_of_the_stack or not event.physical_id:
        return
    child = stack_rows.child_of(parent, event.logical_id, event.physical_id)
    older = child.changed_at is None or child.changed_at < event.at or not is_final(child.status)
    if not is_final(event.status) and older:
        Stack.objects.filter(pk=child.pk).update(settled=False)


def caught_up(deployment: Deployment, clients: Clients, root: StackView, now: datetime) -> bool:
    """Store the events of all stacks, and return whether the last one of the root stack was among them.

    Also return True after waiting long enough: events lag behind DescribeStacks.
    """
    polls = poll_selection.PollSelection(deployment, now)
    changed = _read_events(deployment, clients.cloudformation, polls, everything=True)
    if Stack.objects.get(deployment=deployment, path="").status == root.status:
        return True
    deployment.record(quiet_passes=0 if changed else deployment.quiet_passes + 1)
    return deployment.quiet_passes > TRAILING_PASSES


def finish_without_stack(deployment: Deployment) -> None:
    """End a deployment whose root stack no longer exists."""
    if deployment.kind in DELETING:
        finalize.finalize(deployment, State.SUCCEEDED, DELETED, {})
    elif deployment.kind == Kind.CREATE and deployment.is_stopping:
        finalize.finalize(deployment, State.CANCELED, DELETED, {})
    else:
        code, message = incarnation.why_missing(deployment.environment)
        finalize.finalize(deployment, State.FAILED, "", {}, code, message)


def _finish_without_events(
    deployment: Deployment, clients: Clients, end: State, root: StackView
) -> float | None:
    """Finish a deployment whose last events could not be read; list the statuses if no phase follows."""
    if _ends_now(deployment, end):
        last_statuses.read(deployment, clients.cloudformation, root, timezone.now())
    return finish(deployment, end, root)


def _ends_now(deployment: Deployment, end: State) -> bool:
    """Return whether no phase follows the stacks in which their last events could still be read."""
    return end is not State.SUCCEEDED or deployment.kind in DELETING


def finish(deployment: Deployment, end: State, root: StackView) -> float | None:
    """End the deployment, or begin the phases after the stacks. Return the seconds until the next step."""
    if not _ends_now(deployment, end):
        if deployment.is_stopping:  # CloudFormation was faster
            late = Message(Code.CANCEL_TOO_LATE, {"status": root.status})
            cancel.refuse(deployment, late, root.status)
        return readiness.begin(deployment, root)
    as_wanted = end in (State.SUCCEEDED, State.CANCELED) or (
        end is State.ROLLED_BACK and deployment.is_stopping
    )
    code, message = ("", None) if as_wanted else _failure_reason(deployment, root)
    outputs = dict(root.outputs) if deployment.kind == Kind.UPDATE else {}  # still valid after a rollback
    finalize.finalize(deployment, end, root.status, outputs, code, message)
    return None


def _failure_reason(deployment: Deployment, root: StackView) -> tuple[str, Message]:
    if root.status == DELETED and deployment.kind not in DELETING:
        return "StackDeleted", Message(Code.STACK_DELETED_OUTSIDE)
    landmarks = Event.objects.of(deployment).landmarks()
    failure = first_failure(timeline.failures_of(deployment, landmarks))
    if stopped := Evidence.objects.first_finding_of(deployment):
        return "ResourceFailed" if failure else root.status, stopped
    if failure:
        where = f"{failure.path}/{failure.logical_id}".lstrip("/")
        return "ResourceFailed", Message(
            Code.RESOURCE_FAILED,
            {"where": where, "type": failure.type, "reason": failure.reason},
        )
    return root.status, Message(Code.AWS_REASON, {"reason": root.reason or root.status})


def _mirror(deployment: Deployment, status: str) -> None:
    """Copy the root stack's status to the environment, for lists."""
    if status:
        rows = Environment.objects.filter(pk=deployment.environment_id).exclude(stack_status=status)
        rows.update(stack_status=status)


def nothing_to_delete(deployment: Deployment) -> None:
    """End a delete that found no stack: it has succeeded."""
    event_log.add(deployment, "delete.nothing")
    finalize.finalize(deployment, State.SUCCEEDED, DELETED, {})
