"""A scheduled deployment: at its time it takes its place in the queue or begins, or it has missed it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.session import Clients
from deployments.changes.rules.approvals import Due, due
from deployments.changes.steps import execution, preview, queue
from deployments.common import request_context
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.locks.models import hold_of
from deployments.stacks.shared import event_log
from deployments.template_sets.shared import versions

CHECK_EVERY = 3600.0
"""Seconds between two steps before the time. One step at the time would be enough."""


def wait(deployment: Deployment, now: datetime) -> float:
    """Wait for the scheduled time. Return the seconds until the next step.

    Raise UserFixable if a creation has missed it; a change is canceled then.
    """
    what = due(deployment.scheduled_for, now)
    if what is Due.WAIT and deployment.scheduled_for:
        return min((deployment.scheduled_for - now).total_seconds(), CHECK_EVERY)
    if what is Due.MISSED:
        if deployment.kind == Kind.CREATE:
            raise UserFixable("ScheduledTimeMissed", Code.CREATION_MISSED)
        deployment.record(cancel_code="missed")
        return 0.0
    with transaction.atomic():
        applied = {} if deployment.kind == Kind.CREATE else {"applied_at": now}  # its beginning sets it
        deployment.move_to(State.QUEUED, **applied)
        event_log.add(deployment, "schedule.due", key=str(deployment.revision))
        environment = deployment.environment
        AuditRecord.objects.write(
            action="begin_scheduled",
            user=deployment.applied_by or deployment.requested_by,
            by=request_context.SCHEDULE,
            by_id="",
            name=environment.name,
            reason=deployment.reason,
            account_id=environment.account_id,
            environment=environment,
            deployment=deployment,
            before={"state": str(State.SCHEDULED)},
            after={"state": str(State.QUEUED)},
        )
    return 0.0


def begin(deployment: Deployment, _clients: Clients) -> float:
    """Begin a creation whose time has come, after a lock or a freeze that is in force.

    Return the seconds until the next step. Raise UserFixable if the person who requested it no longer may, or
    if its version is no longer offered. Its preflight checks the rest: the account, the name in AWS, the
    templates.
    """
    environment = deployment.environment
    if hold := hold_of(environment):
        return execution.wait_for(hold)
    user = deployment.requested_by
    if not can(user, Right.CREATE, environment):
        raise UserFixable("PermissionLost", Code.CREATION_NOT_PERMITTED, user=user.get_username())
    if version := deployment.template_version:
        versions.refuse_new_environment(version)
    if not queue.take_place(deployment):
        return preview.BUSY
    event_log.begin_phase(deployment, State.PREFLIGHT, applied_at=timezone.now())
    return preview.AT_ONCE
