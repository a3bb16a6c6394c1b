"""The last statuses of stacks and resources from ListStackResources, when their events cannot be read.

DescribeStackEvents has its own throttling. The stored rows are like events, except that they have the time
of the last change of status, and an id of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from deployments.aws.cloudformation import CloudFormation, ResourceView, StackEvent, StackView
from deployments.common.errors import AwsFailure
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind
from deployments.stacks.models.stacks import STACK_TYPE, Resource, Stack
from deployments.stacks.shared import event_log

log = logging.getLogger(__name__)


def read(deployment: Deployment, cloudformation: CloudFormation, root: StackView, now: datetime) -> None:
    """Store the last status of each stack and resource if the stored one differs; skip any AWS does not list.

    Statuses that last changed before an update or a rollback began do not belong to it.
    """
    since = None if deployment.kind in (Kind.CREATE, Kind.DELETE) else deployment.began_at
    stacks = {stack.path: stack for stack in Stack.objects.of(deployment).exclude(stack_id="")}
    entries: list[event_log.Entry] = []
    try:
        for stack in stacks.values():
            listed = cloudformation.list_resources(stack.stack_id)
            own = [row for row in listed if since is None or row.at is None or row.at >= since]
            entries += _of(stack, stacks, own, now)
    except AwsFailure as exc:
        log.warning("deployment %s: the last statuses are not known: %s", deployment.pk, exc)
    if stacks[""].status != root.status:
        entries.append(_entry(stacks[""], root.name, root.stack_id, root.status, root.reason, now))
    with transaction.atomic():
        deployment.confirm_claim()
        event_log.append(deployment, sorted(entries, key=lambda entry: entry.at))


def _of(
    stack: Stack, stacks: dict[str, Stack], listed: list[ResourceView], now: datetime
) -> Iterator[event_log.Entry]:
    """Yield an entry for each resource in a stack, and each nested stack, whose listed status is new."""
    known = dict(Resource.objects.filter(stack=stack).values_list("logical_id", "status"))
    for row in listed:
        at = row.at or now
        if row.status and known.get(row.logical_id) != row.status:
            yield _entry(stack, row.logical_id, row.physical_id, row.status, row.reason, at, row.type)
        child = stacks.get(f"{stack.path}/{row.logical_id}".lstrip("/"))
        if child is not None and child.status != row.status:
            yield _entry(child, child.name or row.logical_id, child.stack_id, row.status, row.reason, at)


def _entry(
    stack: Stack,
    logical_id: str,
    physical_id: str,
    status: str,
    reason: str,
    at: datetime,
    type_: str = STACK_TYPE,
) -> event_log.Entry:
    name = logical_id if physical_id == stack.stack_id else stack.name
    event = StackEvent(
        event_id=f"{logical_id}-{status}-listed",
        stack_id=stack.stack_id,
        stack_name=name,
        logical_id=logical_id,
        physical_id=physical_id,
        type=type_,
        status=status,
        reason=reason,
        at=at,
    )
    return event_log.of_stack(stack, event)
