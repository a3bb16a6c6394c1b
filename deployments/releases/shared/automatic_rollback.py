"""Automatic rollback of a release: the changed servers get the earlier version, also one by one."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployments import Deployment
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.rules.plan import Stage
from deployments.stacks.shared import event_log

GO_BACK = "go_back"
"""The option of a change whose release rolls back automatically when a server fails."""


def is_wanted(deployment: Deployment) -> bool:
    """Return whether a release rolls back automatically when a server fails."""
    return bool(deployment.options.get(GO_BACK))


def begin(deployment: Deployment, release: ServerRelease, now: datetime) -> None:
    """Make the servers that the release changed, or tried to, wait again; store the failure.

    All of them wait if an earlier release may have left another version on those that it did not reach.
    """
    servers = [one for one in release.servers.all() if one.stage != Stage.GONE]
    is_mixed = ServerRelease.objects.left_mixed_before(release)
    reached = [one for one in servers if is_mixed or one.requested_at is not None]
    failed = next(one for one in servers if one.stage == Stage.FAILED)
    with transaction.atomic():
        deployment.record(waiting_for=[])  # this step still owns the release
        ServerRelease.objects.filter(pk=release.pk).update(
            returning_at=now, failed_server=failed.instance_id, failure=failed.message
        )
        for one in servers:
            values = _waits_again(one) if one in reached else {"stage": str(Stage.NOT_REACHED)}
            ReleaseServer.objects.filter(pk=one.pk).update(**values, stage_at=now)
        names = [one.instance_id for one in reached]
        event_log.add(deployment, "release.returning", server=failed.instance_id, reached=names)


def _waits_again(server: ReleaseServer) -> dict[str, object]:
    """Return the values of a server that goes back, for another command."""
    return {
        "stage": str(Stage.WAITING),
        "attempt": server.attempt + 1,
        "requested_at": None,
        "command_id": "",
    }


def failure_of(release: ServerRelease, failed: ReleaseServer | None) -> tuple[str, Message] | None:
    """Return the code and the message of a failed release; None for one that was stopped.

    `failed` is the server that failed and did not roll back; the message is that of the first failure.
    """
    if release.returning_at is not None:
        code = "ReleaseReturned" if release.went_back else "ReleaseReturnFailed"
        first = read_message(release.failure) or Message(Code.RELEASE_COMMAND_FAILED)
        return code, first
    if failed is None:
        return None
    return "ReleaseFailed", read_message(failed.message) or Message(Code.RELEASE_COMMAND_FAILED)
