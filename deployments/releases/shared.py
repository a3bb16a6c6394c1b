"""The release of a change to running servers: decided with its preview, begun when applied, rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from deployments.aws.session import Clients
from deployments.aws.ssm import AssociationCall
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.nested_templates import stacks_of
from deployments.cloudformation.observed_resources import ASSOCIATION, GROUP
from deployments.cloudformation.release_kind import PHASED, Release, release_of
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployments import Deployment
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.rules import Stage
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import event_log
from deployments.stacks.shared.change_sets import filled
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets


def of_change(deployment: Deployment, changes: Changes) -> Release | None:
    """Return the release of a change whose preview is computed; None if its template set declares none.

    Servers may run a version other than that of the last deployment: that of an unfinished release.
    """
    template_set = stored_sets.uploaded(deployment)
    rule = template_set.release
    if rule is None:
        return None
    before = [stored_sets.find(digest) for digest in _running(deployment)]
    differing: set[str] | None = None
    if before and all(before):
        differing = set()
        for one in filter(None, before):
            differing |= set(template_files.differing_files(one, template_set, rule.artifacts))
    known: dict[str, str] = deployment.environment.parameters
    values = known | deployment.parameters | filled(deployment, template_set)
    return release_of(rule, differing, changes, stacks_of(template_set.side(values)))


def _running(deployment: Deployment) -> list[str]:
    """Return the digests of the template sets that servers may run."""
    unfinished = ServerRelease.objects.unfinished_of(deployment.environment)
    found = [deployment.base.template_digest] if deployment.base else []
    return found + ([unfinished.deployment.template_digest] if unfinished else [])


def begin(deployment: Deployment, clients: Clients) -> bool:
    """Store the changes of a release, if the servers get it one by one. Return whether they do.

    A second call finds the row. Without servers, or if the association does not download an artifact of the
    release, there is nothing to do before the stacks.
    """
    release = deployment.release
    rule = stored_sets.uploaded(deployment).release
    if release is None or rule is None or release.kind not in PHASED:
        return False
    if ServerRelease.objects.of(deployment) is not None:
        return True
    rows = Resource.objects.newest_of(deployment.environment)
    groups = [
        row.physical_id
        for row in rows
        if row.type == GROUP and row.path == f"{rule.servers}/{row.logical_id}"
    ]
    ids = [row.physical_id for row in rows if row.type == ASSOCIATION]
    call = next((one for one in clients.ssm.association_calls(ids) if _downloads(one, rule.artifacts)), None)
    if not groups or call is None:
        return False
    ServerRelease.objects.create(
        deployment=deployment,
        kind=str(release.kind),
        group=groups[0],
        association=call.association_id,
        artifacts=list(rule.artifacts),
        started_at=timezone.now(),
    )
    return True


def with_version(call: AssociationCall, artifacts: Iterable[str], prefix: str) -> dict[str, tuple[str, ...]]:
    """Return the parameters of an association with the artifacts under another key prefix."""
    addresses = _addresses(artifacts)
    return {
        name: tuple(addresses.sub(rf"{prefix}/\g<key>", value) for value in values)
        for name, values in call.arguments.items()
    }


def _downloads(call: AssociationCall, artifacts: Iterable[str]) -> bool:
    addresses = _addresses(artifacts)
    return any(addresses.search(value) for values in call.arguments.values() for value in values)


def _addresses(artifacts: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern for artifacts in a parameter: their key, under a prefix with a digest."""
    keys = "|".join(map(re.escape, artifacts))
    return re.compile(rf"sanso/[0-9a-f]{{64}}/(?P<key>{keys})")


GO_BACK = "go_back"
"""The option of a change whose release rolls back automatically when a server fails."""


def is_rollback_wanted(deployment: Deployment) -> bool:
    """Return whether a release rolls back automatically when a server fails."""
    return bool(deployment.options.get(GO_BACK))


def begin_rollback(deployment: Deployment, release: ServerRelease, now: datetime) -> None:
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
