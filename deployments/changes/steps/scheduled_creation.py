"""The beginning of a scheduled creation: what its request checked is checked again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.session import Clients
from deployments.changes.steps import execution, preview, queue
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.locks.models import holds
from deployments.stacks.shared import event_log
from deployments.template_sets.shared import versions


def begin(deployment: Deployment, _clients: Clients) -> float:
    """Begin a creation whose time has come, after a lock or a freeze that is in force.

    Return the seconds until the next step. Raise UserFixable if the person who requested it no longer may, or
    if its version is no longer offered. Its preflight checks the rest: the account, the name in AWS, the
    templates.
    """
    environment = deployment.environment
    if hold := holds.hold_of(environment):
        return execution.wait_for(hold)
    user = deployment.requested_by
    if not can(user, Right.CREATE, environment):
        raise UserFixable("PermissionLost", Code.CREATION_NOT_PERMITTED, user=user.get_username())
    if version := deployment.template_version:
        versions.refuse_new_environment(version)
    if not queue.take_place(deployment):
        return preview.BUSY
    with transaction.atomic():
        deployment.move_to(State.PREFLIGHT, applied_at=timezone.now())
        event_log.add(deployment, "phase", key="preflight", phase="preflight")
    return preview.AT_ONCE
