"""Checks before anything is created: the credentials, the templates, the stack name, the bucket."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.cloudformation.status import DELETED, IN_REVIEW, is_being_deleted
from deployments.common.errors import AwsNotFound, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.shared import event_log
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.shared.versions import lint
from deployments.template_sets.template_files.restored_data import RestoredData, RestoreParameters

log = logging.getLogger(__name__)

AVAILABLE: Final = "available"
ENVIRONMENT_TAG, NAME_TAG = "sanso:environment", "sanso:name"


def check_identity(deployment: Deployment, clients: Clients) -> Identity:
    """Return the identity of the account's credentials."""
    identity = clients.sts.caller_identity()
    event_log.add(deployment, "preflight.identity", account_id=identity.account_id)
    return identity


def check_templates(deployment: Deployment) -> template_files.TemplateSet | None:
    """Return the template set, read and linted; None while another step of this process lints it.

    Raise UserFixable if it is not the set that the form was filled in for, or has lint errors.
    """
    template_set = stored_sets.of_deployment(deployment)
    check = TemplateCheck.objects.filter(digest=template_set.digest).first() or lint(template_set)
    if check is None:
        return None
    if check.errors:
        worst = "; ".join(f"{e['file']}:{e['line']} {e['rule']} {e['message']}" for e in check.errors[:3])
        raise UserFixable(
            "TemplateSetHasErrors",
            Code.LINT_ERRORS,
            count=len(check.errors),
            worst=worst,
        )
    event_log.add(
        deployment,
        "preflight.templates",
        templates=len(template_set.templates),
        warnings=len(check.findings) - len(check.errors),
    )
    return template_set


def check_name(deployment: Deployment, clients: Clients) -> bool:
    """Return whether the stack name is free; False while an old stack of the portal is being deleted.

    Raise UserFixable if a stack that is not the portal's has the name.
    """
    name = deployment.environment.stack_name
    try:
        stack = clients.cloudformation.describe_stack(name)
    except AwsNotFound:
        event_log.add(deployment, "preflight.name", stack_name=name)
        return True
    if stack.status == DELETED:
        event_log.add(deployment, "preflight.name", stack_name=name)
        return True
    if stack.tags.get(ENVIRONMENT_TAG) and stack.status == IN_REVIEW:
        # The change set of an earlier deployment was never executed: the stack is empty.
        deployment.confirm_claim()
        clients.cloudformation.delete_stack(stack.stack_id, f"remnant-{deployment.token}")
        return False
    if stack.tags.get(ENVIRONMENT_TAG) and is_being_deleted(stack.status):
        return False
    raise UserFixable(
        "StackNameTaken",
        Code.STACK_NAME_TAKEN,
        "name",
        stack=name,
        status=stack.status,
    )


def delete_unexecuted(deployment: Deployment, clients: Clients) -> None:
    """Delete the empty stack of a change set that was never executed, and no other stack of the name.

    Raise AwsNotFound if there is none.
    """
    stack = clients.cloudformation.describe_stack(deployment.environment.stack_name)
    ours = stack.tags.get(ENVIRONMENT_TAG) == str(deployment.environment.key)
    if ours and stack.status == IN_REVIEW:
        clients.cloudformation.delete_stack(stack.stack_id, f"unexecuted-{deployment.token}")


def check_restored_data(deployment: Deployment, clients: Clients, restore: RestoreParameters) -> None:
    """Check the data that a database is restored from: CloudFormation does so only much later.

    Its snapshot or cluster has the tag of its environment, which the requester must be allowed to change.
    Raise UserFixable with the field of the parameter.
    """
    data = restore.read(deployment.parameters)
    if data.cluster:
        _check_cluster(deployment, clients, data, restore)
    elif data.snapshot:
        _check_snapshot(deployment, clients, data.snapshot, f"parameter_{restore.snapshot}")


def _check_snapshot(deployment: Deployment, clients: Clients, name: str, field: str) -> None:
    try:
        found = clients.rds.cluster_snapshot(name)
    except AwsNotFound as exc:
        raise UserFixable("SnapshotNotFound", Code.RESTORE_SNAPSHOT_NOT_FOUND, field, snapshot=name) from exc
    if found.status != AVAILABLE:
        raise UserFixable(
            "SnapshotNotAvailable",
            Code.RESTORE_SNAPSHOT_NOT_AVAILABLE,
            field,
            snapshot=name,
            status=found.status,
        )
    if not _may_use_data(deployment, found.tags):
        raise UserFixable("SnapshotDenied", Code.RESTORE_SNAPSHOT_DENIED, field, snapshot=name)
    event_log.add(deployment, "preflight.snapshot", key=name, snapshot=name, cluster=found.cluster_id)


def _check_cluster(
    deployment: Deployment, clients: Clients, data: RestoredData, parameters: RestoreParameters
) -> None:
    field, name = f"parameter_{parameters.cluster}", data.cluster
    found = next(iter(clients.rds.clusters([name])), None)
    if found is None:
        raise UserFixable("RestoreClusterNotFound", Code.RESTORE_CLUSTER_NOT_FOUND, field, cluster=name)
    if not _may_use_data(deployment, found.tags):
        raise UserFixable("RestoreClusterDenied", Code.RESTORE_CLUSTER_DENIED, field, cluster=name)
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


def _may_use_data(deployment: Deployment, tags: Mapping[str, str]) -> bool:
    """Return whether the requester may change the environment that the data is from, if it has one."""
    owner = Environment.objects.tagged(tags.get(ENVIRONMENT_TAG, "")).first()
    return owner is None or can(deployment.requested_by, Right.CHANGE, owner)


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


def bucket_name(account: Account, account_id: str) -> str:
    """Return the account's artifact bucket: the configured one, or the default of the region."""
    return account.artifact_bucket or f"sanso-artifacts-{account_id}-{account.region}"


def ensure_bucket(deployment: Deployment, clients: Clients, identity: Identity) -> str:
    """Return the artifact bucket; create it (encrypted, versioned, not public) if it does not exist.

    Raise UserFixable if the bucket belongs to another account.
    """
    bucket = bucket_name(deployment.environment.account, identity.account_id)
    exists = clients.s3.bucket_exists(bucket, identity.account_id)
    is_ours = deployment.artifact_bucket == bucket
    if not exists:
        deployment.confirm_claim()
        # Recorded first: if the worker dies after the creation, the next step hardens the bucket.
        deployment.record(artifact_bucket=bucket)
        is_ours = True
        clients.s3.create_bucket(bucket)
    if is_ours:
        clients.s3.harden_bucket(bucket, identity.account_id)
    event_log.add(deployment, "preflight.bucket", bucket=bucket, created=is_ours)
    return bucket
