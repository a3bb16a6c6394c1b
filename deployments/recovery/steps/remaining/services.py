"""One search function per service: the resources that it still has of an environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, INSTANCE_SNAPSHOT, Backup
from deployments.aws.session import Clients
from deployments.aws.tagged_arns import read_arn
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource, billing_of
from deployments.common.errors import AwsNotFound
from deployments.recovery.steps.remaining.scope import Prefix, SearchScope
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG

MOST_VERSIONS = 5000
"""Maximum number of object versions to count under one prefix: five calls."""
LOG_GROUP, INTERFACE, OBJECTS = "AWS::Logs::LogGroup", "AWS::EC2::NetworkInterface", "AWS::S3::Object"
LOG_NAMES = {
    "AWS::Lambda::Function": "/aws/lambda/{}",
    LOG_GROUP: "{}",
    "AWS::RDS::DBCluster": "/aws/rds/cluster/{}/",
    "AWS::RDS::DBInstance": "/aws/rds/instance/{}/",
}
"""Resource type → name of its log group; a name that ends in a slash is a prefix of several."""

Search = Callable[[SearchScope, Clients], list[RemainingResource]]


def databases(scope: SearchScope, clients: Clients) -> list[RemainingResource]:
    """Return snapshots of the environment's databases, and automated backups that outlived them."""
    found = []
    for type_, backups_of in (
        ("AWS::RDS::DBCluster", clients.rds.cluster_backups),
        ("AWS::RDS::DBInstance", clients.rds.instance_backups),
    ):
        still_there = set(scope.remaining(type_))
        for id_ in scope.ids(type_):
            # Automated ones are deleted with their database.
            rows = [one for one in backups_of(id_) if one.kind != "automated" or id_ not in still_there]
            found += [_backup(one, scope.also_used_by(type_, id_)) for one in rows]
    return found


def _backup(one: Backup, shared_with: str) -> RemainingResource:
    is_snapshot = one.type in (CLUSTER_SNAPSHOT, INSTANCE_SNAPSHOT)
    # An automated snapshot cannot be deleted by itself, and one of AWS Backup not by RDS.
    ours = one.kind == "manual" if is_snapshot else bool(one.id)
    return RemainingResource(
        type=one.type,
        id=one.id or one.arn,
        reason=Reason.SNAPSHOT if is_snapshot else Reason.BACKUP,
        billing=Billing.BILLED,
        can_delete=ours and one.status != "deleting" and not shared_with,
        details=_details(
            status=one.status, kind=one.kind, created_at=one.created_at, arn=one.arn, shared_with=shared_with
        ),
    )


def logs(scope: SearchScope, clients: Clients) -> list[RemainingResource]:
    """Return the log groups that services created for the environment, or created again."""
    of_stacks = set(scope.remaining(LOG_GROUP))
    found = {}
    for writer, pattern in LOG_NAMES.items():
        for id_ in scope.ids(writer):
            prefix = pattern.format(id_)
            groups = [one for one in clients.logs.log_groups(prefix) if one.name not in of_stacks]
            for group in groups if prefix.endswith("/") else [one for one in groups if one.name == prefix]:
                shared_with = scope.also_used_by(writer, id_)
                found[group.name] = RemainingResource(
                    type=LOG_GROUP,
                    id=group.name,
                    reason=Reason.LOGS,
                    billing=Billing.BILLED if group.stored_bytes else Billing.FREE,
                    can_delete=not shared_with,
                    details=_details(
                        bytes=group.stored_bytes,
                        created_at=group.created_at,
                        retention_days=group.retention_days,
                        shared_with=shared_with,
                    ),
                )
    return [found[name] for name in sorted(found)]


def objects(scope: SearchScope, clients: Clients) -> list[RemainingResource]:
    """Return the objects in the artifact bucket: uploaded artifacts and outputs of the servers."""
    places = [(Reason.ARTIFACTS, place) for place in scope.artifacts()]
    places += [(Reason.OUTPUTS, place) for place in scope.outputs()]
    if not places:
        return []
    owner = clients.sts.caller_identity().account_id
    return list(_objects(scope, clients, owner, places))


def _objects(
    scope: SearchScope, clients: Clients, owner: str, places: Iterable[tuple[Reason, Prefix]]
) -> Iterable[RemainingResource]:
    for reason, place in places:
        try:
            count = clients.s3.count_versions(place.bucket, place.prefix, MOST_VERSIONS, owner)
        except AwsNotFound:  # the bucket is gone
            continue
        if not count.versions + count.delete_markers:
            continue
        yield RemainingResource(
            type=OBJECTS,
            id=f"{place.bucket}/{place.prefix}",
            reason=reason,
            billing=Billing.BILLED,
            # CloudFormation reads a stack's artifacts when it updates the stack.
            can_delete=scope.stack_is_gone and not place.shared_with,
            details=_details(
                bucket=place.bucket,
                prefix=place.prefix,
                objects=count.objects,
                versions=count.versions,
                bytes=count.size,
                more="" if count.is_complete else "yes",
                shared_with=", ".join(place.shared_with),
            ),
        )


def interfaces(scope: SearchScope, clients: Clients) -> list[RemainingResource]:
    """Return network interfaces in a VPC that still exists; they block the deletion of its subnets.

    Lambda releases its own up to 40 minutes after the function; others in use belong to resources.
    """
    vpcs = scope.remaining("AWS::EC2::VPC")
    found = clients.ec2.network_interfaces(vpcs) if vpcs else []
    return [
        RemainingResource(
            type=INTERFACE,
            id=one.interface_id,
            reason=Reason.INTERFACE,
            billing=Billing.FREE,
            can_delete=one.status == "available",
            details=_details(status=one.status, kind=one.type, description=one.description),
        )
        for one in found
        if one.status == "available" or one.type == "lambda"
    ]


def tags(scope: SearchScope, clients: Clients) -> list[RemainingResource]:
    """Return the resources with the environment's tag that no other search finds."""
    # Physical ids are names, ids, ARNs or, of queues, URLs.
    known = {name for one in scope.known for name in (one.id, one.id.rpartition("/")[2])}
    arns = [read_arn(arn) for arn in clients.tagging.tagged(ENVIRONMENT_TAG, str(scope.environment.key))]
    unknown = [arn for arn in arns if not arn.is_stack and not known & {arn.text, arn.name, arn.last}]
    instances = [arn.name for arn in unknown if arn.type == "AWS::EC2::Instance"]
    running = set(clients.ec2.running_instances(instances)) if instances else set()
    return [
        RemainingResource(
            type=arn.type, id=arn.text, reason=Reason.TAGGED, billing=billing_of(arn.type), details={}
        )
        for arn in unknown
        if arn.type != "AWS::EC2::Instance" or arn.name in running
    ]


def _details(**values: object) -> dict[str, str]:
    """Return the values that are set, as texts."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in values.items()
        if value not in (None, "", 0)
    }


SERVICES: dict[str, Search] = {
    "RDS": databases,
    "CloudWatch Logs": logs,
    "S3": objects,
    "EC2": interfaces,
    "Resource Groups Tagging API": tags,
}
"""The search functions by AWS's name of the service, in their order."""
