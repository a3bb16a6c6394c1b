"""The command that installs a release on one server, its output, and processes suspended meanwhile."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.aws.autoscaling import Group
from deployments.aws.outputs import read_end
from deployments.aws.s3 import S3
from deployments.aws.session import Clients
from deployments.aws.ssm import AssociationCall, Invocation
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.rules.ansible import PlaybookResult, read_output
from deployments.releases import shared as releases
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.rules import Command

CLOCK_SKEW = timedelta(minutes=1)
MAX_LENGTH = 20_000
"""Maximum length of a server's output; the end is stored."""
MAX_OBJECTS = 50
_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html"""


def send(deployment: Deployment, release: ServerRelease, server: ReleaseServer, clients: Clients) -> bool:
    """Send the command unless it was sent: its comment has the deployment's token.

    The row is marked as requested before the call, so that only a step after a lost response searches for it.
    Return False if the server cannot take a command yet.
    """
    comment = f"sanso:{deployment.token}:{server.instance_id}:{server.attempt}"
    command_id = ""
    if server.requested_at is not None:
        command_id = clients.ssm.find_command(server.instance_id, comment, server.requested_at - CLOCK_SKEW)
    else:
        write(server, requested_at=timezone.now())
    if not command_id:
        call = _call(deployment, release, clients)
        deployment.confirm_claim()
        try:
            command_id = clients.ssm.send_command(call, server.instance_id, comment)
        except AwsNotFound:  # its agent is offline
            return False
    write(server, command_id=command_id)
    return True


def _call(deployment: Deployment, release: ServerRelease, clients: Clients) -> AssociationCall:
    """Return the association's document and parameters with the new version.

    The association's own parameters have the earlier version until the stacks are updated.
    """
    found = clients.ssm.association_calls([release.association])
    if not found:
        raise AwsNotFound("AssociationDoesNotExist", release.association, "ssm:DescribeAssociation")
    if release.returning_at is not None:
        return found[0]
    arguments = releases.with_version(found[0], release.artifacts, deployment.artifact_prefix)
    return replace(found[0], arguments=arguments)


def poll(server: ReleaseServer, clients: Clients) -> Invocation | None:
    """Return the state of the server's command; None if it was not sent or has not reached the server yet."""
    if not server.command_id:
        return None
    try:
        return clients.ssm.invocation(server.command_id, server.instance_id)
    except AwsNotFound:
        return None


def status_of(server: ReleaseServer, invocation: Invocation | None) -> Command:
    """Return the known state of the server's command."""
    if not server.command_id:
        return Command.NOT_SENT
    if invocation is None or invocation.status in _RUNNING:
        return Command.RUNNING
    return Command.SUCCEEDED if invocation.status == "Success" else Command.FAILED


def ended_at(invocation: Invocation | None) -> datetime:
    """Return when a command has ended."""
    return (invocation.ended_at if invocation else None) or timezone.now()


def store_output(
    release: ServerRelease, server: ReleaseServer, invocation: Invocation, clients: Clients
) -> Message:
    """Store the end of a failed command's output, and return the message with its failed task."""
    printed = _printed(release, server, clients)
    stdout = printed.get("stdout") or invocation.output
    stderr = printed.get("stderr") or invocation.error_output
    found = read_output(stdout, stderr, failed=True)
    head = f"{found.failed_task}: {found.message}".strip(": ") or invocation.detail or invocation.status
    text = "\n".join(part for part in (stderr, stdout) if part)[-MAX_LENGTH:]
    write(server, failed_task=found.failed_task, output=f"{head}\n{text}")
    return _message(server, found, invocation)


def _message(server: ReleaseServer, found: PlaybookResult, invocation: Invocation) -> Message:
    text = found.message or invocation.detail or invocation.status
    if not found.failed_task:
        return Message(Code.RELEASE_SERVER_FAILED, {"server": server.instance_id, "message": text})
    values = {"server": server.instance_id, "task": found.failed_task, "message": text}
    return Message(Code.RELEASE_TASK_FAILED, values)


def _printed(release: ServerRelease, server: ReleaseServer, clients: Clients) -> dict[str, str]:
    """Return the end of stdout and stderr in S3: the API has only the first 24,000 characters.

    Keys are `<prefix>/<command>/<instance>/<plugin>/<step>/stdout`.
    """
    try:
        calls = clients.ssm.association_calls([release.association])
        if not calls or not calls[0].output_bucket:
            return {}
        place = "/".join(
            filter(None, (calls[0].output_prefix.strip("/"), server.command_id, server.instance_id))
        )
        return _ends(clients.s3, calls[0].output_bucket, f"{place}/")
    except AwsRetryable:
        raise
    except AwsFailure:  # no permission, or the bucket is gone: use the beginning from the API
        return {}


def _ends(s3: S3, bucket: str, folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for stored in s3.list_objects(bucket, folder, "", MAX_OBJECTS):
        name = stored.key.rpartition("/")[2]
        if name in ("stdout", "stderr"):
            found[name] = found.get(name, "") + read_end(s3, bucket, stored.key, MAX_LENGTH // 2)
    return found


def write(row: ServerRelease | ReleaseServer, **values: object) -> None:
    """Write values of a row to the database, and to the row."""
    type(row)._default_manager.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


PROCESSES = ("HealthCheck", "ReplaceUnhealthy", "AZRebalance")
"""Suspended while servers leave their target groups: the group would replace them
(https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html)."""


def suspend(deployment: Deployment, release: ServerRelease, group: Group | None, clients: Clients) -> None:
    """Suspend the processes of the group that replace servers. The row is written first: see `resume`.

    Processes that something else has suspended stay suspended at the end.
    """
    if group is None:
        return
    if release.suspended_at is None:
        processes = [one for one in PROCESSES if one not in group.suspended]
        write(release, suspended_at=timezone.now(), processes=processes)
    deployment.confirm_claim()
    if release.processes:
        clients.autoscaling.suspend(release.group, release.processes)
    write(release, is_suspended=True)


def resume(release: ServerRelease, clients: Clients) -> None:
    """Resume the suspended processes, also if the release ended in another way."""
    if release.processes:
        with suppress(AwsNotFound):  # the group is gone
            clients.autoscaling.resume(release.group, release.processes)
    write(release, is_suspended=False, resumed_at=timezone.now())


def resume_left(environment: Environment, clients: Clients) -> None:
    """Resume the processes that an ended release of the environment has left suspended."""
    for release in ServerRelease.objects.to_resume(environment):
        resume(release, clients)
