"""Following the stacks: their events into rows, until the root stack has come to its end."""

from __future__ import annotations

import heapq
import time
from datetime import datetime

from django.db import transaction

from deployments.aws.cloudformation import CloudFormation, StackEvent, StackView
from deployments.aws.session import Clients
from deployments.core.outcome import outcome
from deployments.core.phases import Kind, State
from deployments.core.root_cause import first_failure
from deployments.core.status import DELETED, IN_REVIEW, is_failed, is_final, is_of_deletion
from deployments.errors import AwsNotFound, Message
from deployments.message_codes import Code
from deployments.models import Deployment, Environment, Event, Stack
from deployments.models.stack import STACK_TYPE
from deployments.runner import (
    delete,
    event_log,
    evidence,
    finalize,
    launch,
    readiness,
    stack_polls,
    stack_rows,
)

PASS_SECONDS = 8.0
"""A pass stops after this long and the next one goes on: a tick stays well within its lease."""
TRAILING_PASSES = 5
"""Passes to wait for the last events once the root stack is final: events trail behind DescribeStacks."""


def poll(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    """Take one look at the stacks. Returns the delay to the next look, None when the deployment ended."""
    look = stack_polls.PollRound(deployment, now)
    root = None
    if look.wants_root:
        try:
            root = clients.cloudformation.describe_stack(deployment.stack_id)
        except AwsNotFound:
            _stack_missing(deployment)
            return None
        if _start_if_needed(deployment, clients, root):
            return launch.AT_ONCE
    end = outcome(Kind(deployment.kind), root.status) if root else None
    changed = _read_events(deployment, clients.cloudformation, look, everything=end is not None)
    deployment.record(polled_at=now)
    if changed:
        evidence.gather(deployment, clients)
    own = Stack.objects.get(deployment=deployment, path="")
    if root is not None and end is not None:
        agree = own.status == root.status and not Stack.objects.of(deployment).to_poll().exists()
        if agree or deployment.quiet_passes >= TRAILING_PASSES:
            return finish(deployment, end, root)
        deployment.record(quiet_passes=0 if changed else deployment.quiet_passes + 1)
    _mirror(deployment, root.status if root else own.status)
    return look.delay(asked_root=root is not None)


def _start_if_needed(deployment: Deployment, clients: Clients, root: StackView) -> bool:
    """Set off what this deployment is for, unless it is under way. Returns whether it was set off now."""
    if deployment.kind == Kind.DELETE:
        if is_of_deletion(root.status) and not is_failed(root.status):
            event_log.add(deployment, "delete.started", stack_name=root.name)
            return False
        if _has_event(deployment, "delete.started"):
            return False
        delete.start(deployment, clients)
        return True
    if root.status != IN_REVIEW:
        event_log.add(deployment, "stacks.started", stack_name=root.name)
        return False
    if _has_event(deployment, "stacks.started"):
        return False
    launch.execute(deployment, clients)
    return True


def _has_event(deployment: Deployment, code: str) -> bool:
    return Event.objects.filter(deployment=deployment, event_id=f"portal:{code}").exists()


def _read_events(
    deployment: Deployment, cloudformation: CloudFormation, look: stack_polls.PollRound, *, everything: bool
) -> int:
    """Bring new events of the stacks that are looked at into rows, and return how many there were.

    A nested stack can be read from when its parent tells of it until it is final; `everything` reads all
    stacks once more. Nested stacks that appear on the way are read in the same pass. All are written
    together, in the order of their times. What was read before an error is written all the same.
    """
    until = time.monotonic() + PASS_SECONDS
    read: dict[int, tuple[Stack, list[StackEvent]]] = {}
    try:
        while time.monotonic() < until:
            rows = Stack.objects.of(deployment)
            if not everything:
                rows = rows.to_poll()
            left = [s for s in rows if s.stack_id and s.pk not in read and (everything or look.wants(s))]
            stack = min(left, key=lambda s: s.hinted_at is None, default=None)
            if stack is None:
                break
            read[stack.pk] = stack, _new_events(stack, cloudformation)
    finally:
        written = _write(deployment, list(read.values()), look)
    return written


def _new_events(stack: Stack, cloudformation: CloudFormation) -> list[StackEvent]:
    try:
        events = cloudformation.events_after(stack.stack_id, stack.bookmark)
    except AwsNotFound:
        Stack.objects.filter(pk=stack.pk).update(settled=True)
        return []
    for event in events:
        _wake_child(stack, event)
    return events


def _write(
    deployment: Deployment, read: list[tuple[Stack, list[StackEvent]]], look: stack_polls.PollRound
) -> int:
    entries = in_order(read)
    with transaction.atomic():
        deployment.confirm_claim()
        written = event_log.append(deployment, entries)
        for stack, events in read:
            values = {"bookmark": events[-1].event_id} if events else {}
            polling = look.remember(stack, news=bool(events))
            Stack.objects.filter(pk=stack.pk).update(polling=polling, **values)
            Stack.objects.filter(pk=stack.pk, hinted_at=stack.hinted_at).update(hinted_at=None)
            now_known = Stack.objects.get(pk=stack.pk)
            if now_known.status and is_final(now_known.status) and now_known.changed_at:
                Stack.objects.filter(pk=stack.pk).update(settled=True)
    return written


def in_order(read: list[tuple[Stack, list[StackEvent]]]) -> list[event_log.Entry]:
    """Merge the events of several stacks by time, each stack's own in their order.

    Of one instant, a stack begins before what is in it, and ends after it.
    """

    def when(entry: event_log.Entry) -> tuple[datetime, int]:
        depth = entry.stack.depth if entry.stack else 0
        return entry.at, -depth if entry.event and is_final(entry.event.status) else depth

    lists = [[event_log.of_stack(stack, event) for event in events] for stack, events in read]
    return list(heapq.merge(*lists, key=when))


def _wake_child(parent: Stack, event: StackEvent) -> None:
    """Read a nested stack again when its parent tells that something is happening to it."""
    if event.type != STACK_TYPE or event.is_of_the_stack or not event.physical_id:
        return
    child = stack_rows.child_of(parent, event.logical_id, event.physical_id)
    older = child.changed_at is None or child.changed_at < event.at or not is_final(child.status)
    if not is_final(event.status) and older:
        Stack.objects.filter(pk=child.pk).update(settled=False)


def _stack_missing(deployment: Deployment) -> None:
    """End a deployment whose root stack AWS does not know any more."""
    if deployment.kind == Kind.DELETE:
        finalize.finalize(deployment, State.SUCCEEDED, DELETED, {})
    else:
        finalize.finalize(deployment, State.FAILED, "", {}, "StackGone", Message(Code.STACK_MISSING))


def finish(deployment: Deployment, end: State, root: StackView) -> float | None:
    """End the deployment, or go on to what comes after the stacks. Returns the delay to the next step."""
    if end is State.SUCCEEDED and deployment.kind != Kind.DELETE:
        return readiness.begin(deployment, root)
    code, message = ("", None) if end is State.SUCCEEDED else _failure_reason(deployment, root)
    finalize.finalize(deployment, end, root.status, {}, code, message)
    return None


def _failure_reason(deployment: Deployment, root: StackView) -> tuple[str, Message]:
    if root.status == DELETED and deployment.kind != Kind.DELETE:
        return "StackDeleted", Message(Code.STACK_DELETED_OUTSIDE)
    landmarks = Event.objects.of(deployment).landmarks()
    failure = first_failure(found for event in landmarks if (found := event.as_failure()))
    if failure:
        where = f"{failure.path}/{failure.logical_id}".lstrip("/")
        return "ResourceFailed", Message(
            Code.RESOURCE_FAILED,
            {"where": where, "type": failure.type, "reason": failure.reason},
        )
    return root.status, Message(Code.AWS_REASON, {"reason": root.reason or root.status})


def _mirror(deployment: Deployment, status: str) -> None:
    """Keep what lists show of the environment as fresh as what was just read of the root stack."""
    if status:
        rows = Environment.objects.filter(pk=deployment.environment_id).exclude(stack_status=status)
        rows.update(stack_status=status)


def nothing_to_delete(deployment: Deployment) -> None:
    """End a delete that found no stack: nothing is left, which is what was wanted."""
    event_log.add(deployment, "delete.nothing")
    finalize.finalize(deployment, State.SUCCEEDED, DELETED, {})
