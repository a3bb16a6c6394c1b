"""Whose data a database begins with, and whether RDS can restore it: asked before anything is created.

Every creation and change begins with this, whichever way it was requested: by a form, a retry, a rollback,
the API, the command line, a schedule or after an approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from deployments.access.commands.requesting import CommandRequest
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.session import Clients
from deployments.common.errors import AwsNotFound, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.stacks.shared import event_log
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files import TemplateSet
from deployments.template_sets.template_files.restored_data import (
    FIRST,
    SECOND,
    RestoredData,
    RestoreParameters,
)

AVAILABLE: Final = "available"


def check(deployment: Deployment, clients: Clients, template_set: TemplateSet) -> None:
    """Check the data that a deployment restores: CloudFormation does so only much later.

    Asked about each database whose data is not that of the last deployment of this stack that succeeded: a
    failed one proves nothing about who may use the data. Raise UserFixable with the field of the parameter;
    what a person may not use is in the audit log as well. Where a stack was complete with the data but never
    became ready, nothing is restored any more: the snapshot or cluster may have been deleted since.
    """
    accepted, there = _accepted(deployment), _there(deployment)
    for slot, parameters in _parameters(template_set, deployment.parameters).items():
        data = parameters.read(deployment.parameters)
        if data and accepted.get(slot) != data:
            is_there = there.get(slot) == data
            if data.cluster:
                _check_cluster(deployment, clients, data, parameters, is_there=is_there)
            else:
                field = f"parameter_{parameters.snapshot}"
                _check_snapshot(deployment, clients, data.snapshot, field, is_there=is_there)


def _parameters(template_set: TemplateSet, values: Mapping[str, str]) -> dict[str, RestoreParameters]:
    """Return the parameters with the data of each database that an environment with these values has."""
    own = {FIRST: template_set.restore, SECOND: template_set.second.restore}
    return {slot: own[slot] for slot in template_set.second.slots(values)}


def _accepted(deployment: Deployment) -> dict[str, RestoredData]:
    """Return the data of each database by the last good deployment of the environment's stack."""
    if deployment.kind == Kind.CREATE:
        return {}
    environment = deployment.environment
    rows = Deployment.objects.good_of(environment.pk).filter(stack_id=environment.stack_id)
    return _data_of(rows.first())


def _there(deployment: Deployment) -> dict[str, RestoredData]:
    """Return the data of each database that the environment's stack has."""
    if deployment.kind == Kind.CREATE:
        return {}
    return _data_of(Deployment.objects.complete_in(deployment.environment).first())


def _data_of(deployment: Deployment | None) -> dict[str, RestoredData]:
    template_set = stored_sets.find(deployment.template_digest) if deployment else None
    if deployment is None or template_set is None:
        return {}
    found = _parameters(template_set, deployment.parameters)
    return {slot: parameters.read(deployment.parameters) for slot, parameters in found.items()}


def _check_snapshot(
    deployment: Deployment, clients: Clients, name: str, field: str, *, is_there: bool
) -> None:
    try:
        found = clients.rds.cluster_snapshot(name)
    except AwsNotFound as exc:
        if is_there:
            return
        raise UserFixable("SnapshotNotFound", Code.RESTORE_SNAPSHOT_NOT_FOUND, field, snapshot=name) from exc
    denied = UserFixable("SnapshotDenied", Code.RESTORE_SNAPSHOT_DENIED, field, snapshot=name)
    _refuse_foreign(deployment, found.tags, denied)
    if is_there:
        return
    if found.status != AVAILABLE:
        raise UserFixable(
            "SnapshotNotAvailable",
            Code.RESTORE_SNAPSHOT_NOT_AVAILABLE,
            field,
            snapshot=name,
            status=found.status,
        )
    event_log.add(deployment, "preflight.snapshot", key=name, snapshot=name, cluster=found.cluster_id)


def _check_cluster(
    deployment: Deployment,
    clients: Clients,
    data: RestoredData,
    parameters: RestoreParameters,
    *,
    is_there: bool,
) -> None:
    field, name = f"parameter_{parameters.cluster}", data.cluster
    found = next(iter(clients.rds.clusters([name])), None)
    if found is None:
        if is_there:
            return
        raise UserFixable("RestoreClusterNotFound", Code.RESTORE_CLUSTER_NOT_FOUND, field, cluster=name)
    denied = UserFixable("RestoreClusterDenied", Code.RESTORE_CLUSTER_DENIED, field, cluster=name)
    _refuse_foreign(deployment, found.tags, denied)
    if is_there:
        return
    if found.status != AVAILABLE:
        raise UserFixable(
            "RestoreClusterNotAvailable",
            Code.RESTORE_CLUSTER_NOT_AVAILABLE,
            field,
            cluster=name,
            status=found.status,
        )
    refuse_outside(
        data, found.earliest_restorable_at, found.latest_restorable_at, f"parameter_{parameters.time}"
    )
    key = f"{name} {data.time}"
    event_log.add(deployment, "preflight.point_in_time", key=key, cluster=name, time=data.time)


def _refuse_foreign(deployment: Deployment, tags: Mapping[str, str], denied: UserFixable) -> None:
    """Raise UserFixable, and record it, unless the requester may use the data with these tags.

    That of an environment is for those who may change that environment; if its tag names none that is known
    here, it is for the administrators of the account. What has no such tag was never Sanso's.
    """
    user, account = deployment.requested_by, deployment.environment.account
    tag = tags.get(ENVIRONMENT_TAG, "")
    owner = Environment.objects.tagged(tag).first()
    may_use = can(user, Right.CHANGE, owner) if owner else can(user, Right.MANAGE_ACCESS, account)
    if may_use or not tag:
        return
    CommandRequest(
        user=user,
        action="deploy" if deployment.kind == Kind.CREATE else "change",
        permission=Right.CHANGE if owner else Right.MANAGE_ACCESS,
        reason=deployment.reason,
        environment=deployment.environment,
        deployment=deployment,
    ).record(denied.message)
    raise denied


def refuse_outside(
    data: RestoredData, earliest: datetime | None, latest: datetime | None, field: str = ""
) -> None:
    """Raise UserFixable if the cluster cannot be restored to the time of the data."""
    if not data.is_within(earliest, latest):
        raise UserFixable(
            "RestoreTimeNotPossible",
            Code.RESTORE_TIME_NOT_POSSIBLE,
            field,
            cluster=data.cluster,
            time=data.time,
            earliest=_second(earliest),
            latest=_second(latest),
        )


def _second(moment: datetime | None) -> str:
    return RestoredData.of_cluster("", moment).time if moment else "–"
