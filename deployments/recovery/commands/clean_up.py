"""Deletion of a failed creation's remains, so that it can be requested again with the same values."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from deployments.access.commands.requesting import DELETE, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import AFTER_STACKS, TERMINAL, Kind, State
from deployments.recovery.commands.delete import create_deletion
from deployments.stacks.commands.sent_again import SentAgain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def may_clean_up(deployment: Deployment) -> bool:
    """Return whether the remains of a deployment may be deleted without typing the name.

    This is only possible for a creation whose stacks failed, or that was rolled back: there never was an
    environment, nor data in it.
    """
    environment = deployment.environment
    ended = State(deployment.state) in TERMINAL
    failed = deployment.creates and ended and deployment.state != State.SUCCEEDED
    emptied = deployment.kind == Kind.ROLLBACK_CREATION and ended
    return (
        (failed or emptied)
        and State(deployment.last_phase) not in AFTER_STACKS
        and environment.latest_id == deployment.pk
        and bool(environment.stack_id)
        and environment.deleted_at is None
        and environment.missing_since is None
    )


def request_clean_up(*, user: User, deployment: Deployment) -> Deployment:
    """Request the deletion of a failed creation's remains, and return its deployment.

    A second request of the same user returns the deployment of the first. Raise UserFixable if it is not such
    a creation, or if another deployment is changing the environment.
    """
    environment = deployment.environment
    request = CommandRequest(user=user, action="clean_up", permission=DELETE, environment=environment)
    sent = SentAgain(request, uuid.uuid5(deployment.token, "clean up"), [Kind.DELETE])
    if before := sent.earlier():
        return before
    with requesting(request):
        if not may_clean_up(deployment):
            raise UserFixable("NothingToCleanUp", Code.NOTHING_TO_CLEAN_UP)
        return create_deletion(sent, environment, unprotect=True, cleans_up=True)
