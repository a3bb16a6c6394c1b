"""Elastic Load Balancing, Auto Scaling, State Manager, RDS, lags and stored outputs in memory, for FakeAws.

A test adds rows to the dictionaries and removes them; any other resource does not exist, as on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deployments.aws.acm import Certificate
from deployments.aws.autoscaling import Group, ScalingActivity
from deployments.aws.cloudtrail import TrailEvent
from deployments.aws.cloudwatch import ClusterMetrics, ClusterUse
from deployments.aws.described_network import DescribedNetwork
from deployments.aws.ec2 import NetworkInterface, TaggedInstance
from deployments.aws.elbv2 import LoadBalancer, TargetGroup, TargetHealth
from deployments.aws.logs import LogGroup, LogMessage, StreamEnd
from deployments.aws.rds import Cluster, DBInstance
from deployments.aws.rds_backups import Backup, ClusterSnapshot
from deployments.aws.rds_maintenance import EngineSupport, PendingAction, UpgradeTarget
from deployments.aws.reachability.network import Network
from deployments.aws.s3 import StoredObject, StoredVersions, Tail
from deployments.aws.secretsmanager import SecretAge
from deployments.aws.ssm import (
    Association,
    AssociationCall,
    Execution,
    ExecutionTarget,
    Invocation,
    output_folder,
)
from deployments.common.errors import AwsAlreadyDone, AwsNotFound
from tests.builders import START

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
"""The parameter with the image of the bundled template set."""


@dataclass
class SentCommand:
    """A command that was sent to an instance; a test sets its result."""

    command_id: str
    instance_id: str
    comment: str
    call: AssociationCall
    status: str = "Success"
    output: str = ""


class FakeServices:
    """The rows of an account, which implement the Protocols of the gateways."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.buckets: dict[str, set[str]] = {}  # the keys that were uploaded
        self.balancers: dict[str, LoadBalancer] = {}
        self.target_group_rows: dict[str, TargetGroup] = {}
        self.targets: dict[str, list[TargetHealth]] = {}  # by target group
        self.scaling_groups: dict[str, Group] = {}
        self.scaling_activities: dict[str, list[ScalingActivity]] = {}  # by group, newest first
        self.association_rows: dict[str, Association] = {}
        self.execution_rows: dict[str, list[Execution]] = {}  # by association, newest first
        self.execution_target_rows: dict[str, list[ExecutionTarget]] = {}  # by execution
        self.db_clusters: dict[str, Cluster] = {}
        self.db_instances: dict[str, DBInstance] = {}
        self.lags: dict[str, float] = {}  # by database instance, in milliseconds
        self.stored: dict[tuple[str, str], bytes] = {}  # (bucket, key) → body
        self.logs: dict[tuple[str, str], list[LogMessage]] = {}  # (group, stream) → lines
        self.protected: set[str] = set()  # load balancers
        self.ssm_parameters = {IMAGE: "ami-0123456789abcdef0"}
        self.log_group_rows: dict[str, LogGroup] = {}
        self.backups: dict[str, list[Backup]] = {}  # by cluster or instance
        self.zone_names = ["ap-northeast-1a", "ap-northeast-1c"]
        self.not_offered: dict[str, list[str]] = {}  # zones by type or class; a version: in no zone
        self.certificates: dict[str, Certificate] = {}  # by ARN
        self.db_snapshots: dict[str, ClusterSnapshot] = {}
        self.pending_maintenance: list[PendingAction] = []
        self.engine_targets: dict[str, list[UpgradeTarget]] = {}  # by version
        self.engine_support: list[EngineSupport] = []
        self.secret_ages: dict[str, SecretAge] = {}  # by ARN
        self.cluster_uses: dict[str, ClusterUse] = {}
        self.metrics: dict[str, list[ClusterMetrics]] = {}  # by cluster
        self.interfaces: dict[str, list[NetworkInterface]] = {}  # by VPC
        self.network: DescribedNetwork | None = None
        self.running: set[str] = set()  # instances
        self.tagged_servers: list[TaggedInstance] = []
        self.tagged_arns: dict[str, list[str]] = {}  # by the tag's value
        self.trail_of_users: dict[str, list[TrailEvent]] = {}  # newest first
        self.trail_of_resources: dict[str, list[TrailEvent]] = {}  # newest first
        self.association_call_rows: dict[str, AssociationCall] = {}
        self.commands: dict[str, SentCommand] = {}  # by id, in the order in which they were sent
        self.suspended: dict[str, set[str]] = {}  # by group
        self.after_command: Callable[[SentCommand], None] = lambda command: None
        self.started_again: list[tuple[str, tuple[str, ...]]] = []  # association, () = all its instances

    def _call(self, operation: str) -> None:
        raise NotImplementedError

    def _done(self, operation: str) -> None:
        raise NotImplementedError

    # --- CloudWatch Logs -----------------------------------------------------------------------
    def written_before(self, group: str, start: datetime, end: datetime) -> StreamEnd | None:
        operation = "logs:FilterLogEvents"
        self._call(operation)
        if not any(of == group for of, _stream in self.logs):
            raise AwsNotFound(
                "ResourceNotFoundException", "The specified log group does not exist.", operation
            )
        found = [
            (line.at, stream) for (of, stream), lines in self.logs.items() for line in lines if of == group
        ]
        newest = max(((at, stream) for at, stream in found if start <= at <= end), default=None)
        if newest is None:
            return None
        lines = [line for line in self.logs[group, newest[1]] if start <= line.at <= end]
        return StreamEnd(newest[1], tuple(lines))

    def tail(self, group: str, stream: str, limit: int) -> tuple[LogMessage, ...]:
        operation = "logs:GetLogEvents"
        self._call(operation)
        if (group, stream) not in self.logs:
            raise AwsNotFound(
                "ResourceNotFoundException", "The specified log stream does not exist.", operation
            )
        return tuple(self.logs[group, stream][-limit:])

    # --- ELBv2 and Auto Scaling ----------------------------------------------------------------
    def load_balancers(self, arns: Sequence[str]) -> list[LoadBalancer]:
        self._call("elasticloadbalancing:DescribeLoadBalancers")
        return [self.balancers[arn] for arn in arns if arn in self.balancers]

    def target_groups(self, arns: Sequence[str]) -> list[TargetGroup]:
        self._call("elasticloadbalancing:DescribeTargetGroups")
        return [self.target_group_rows[arn] for arn in arns if arn in self.target_group_rows]

    def target_health(self, target_group_arn: str) -> list[TargetHealth]:
        operation = "elasticloadbalancing:DescribeTargetHealth"
        self._call(operation)
        if target_group_arn not in self.targets:
            raise AwsNotFound("TargetGroupNotFound", "One or more target groups not found", operation)
        return list(self.targets[target_group_arn])

    def groups(self, names: Sequence[str]) -> list[Group]:
        self._call("autoscaling:DescribeAutoScalingGroups")
        return [self.scaling_groups[name] for name in names if name in self.scaling_groups]

    def suspend(self, group: str, processes: Sequence[str]) -> None:
        self._call("autoscaling:SuspendProcesses")
        self.suspended.setdefault(group, set()).update(processes)
        self._done("autoscaling:SuspendProcesses")

    def resume(self, group: str, processes: Sequence[str]) -> None:
        self._call("autoscaling:ResumeProcesses")
        self.suspended.setdefault(group, set()).difference_update(processes)
        self._done("autoscaling:ResumeProcesses")

    def register_target(self, target_group_arn: str, instance_id: str) -> None:
        self._call("elasticloadbalancing:RegisterTargets")
        rows = [one for one in self.targets[target_group_arn] if one.target_id != instance_id]
        new = TargetHealth(
            target_group_arn=target_group_arn, target_id=instance_id, port=9090, state="healthy"
        )
        self.targets[target_group_arn] = [*rows, new]
        self._done("elasticloadbalancing:RegisterTargets")

    def deregister_target(self, target_group_arn: str, instance_id: str) -> None:
        self._call("elasticloadbalancing:DeregisterTargets")
        rows = self.targets[target_group_arn]
        self.targets[target_group_arn] = [one for one in rows if one.target_id != instance_id]
        self._done("elasticloadbalancing:DeregisterTargets")

    def activities(self, group: str, limit: int) -> list[ScalingActivity]:
        operation = "autoscaling:DescribeScalingActivities"
        self._call(operation)
        if group not in self.scaling_groups:
            raise AwsNotFound("ValidationError", "AutoScalingGroup name not found", operation)
        return self.scaling_activities.get(group, [])[:limit]

    # --- State Manager -------------------------------------------------------------------------
    def associations(self, ids: Sequence[str]) -> list[Association]:
        found = []
        for association_id in ids:
            self._call("ssm:DescribeAssociation")
            if association_id in self.association_rows:
                found.append(self.association_rows[association_id])
        return found

    def executions(self, association_id: str, limit: int) -> list[Execution]:
        self._call("ssm:DescribeAssociationExecutions")
        self._require_association(association_id, "ssm:DescribeAssociationExecutions")
        return self.execution_rows.get(association_id, [])[:limit]

    def execution_targets(
        self, association_id: str, execution_id: str, output_bucket: str = "", output_prefix: str = ""
    ) -> list[ExecutionTarget]:
        operation = "ssm:DescribeAssociationExecutionTargets"
        self._call(operation)
        self._require_association(association_id, operation)
        if execution_id not in self.execution_target_rows:
            raise AwsNotFound("AssociationExecutionDoesNotExist", "", operation)
        return [
            replace(
                row,
                output_bucket=output_bucket,
                output_key=output_folder(output_prefix, row.instance_id, association_id),
            )
            if output_bucket
            else row
            for row in self.execution_target_rows[execution_id]
        ]

    def association_calls(self, ids: Sequence[str]) -> list[AssociationCall]:
        self._call("ssm:DescribeAssociation")
        return [self.association_call_rows[one] for one in ids if one in self.association_call_rows]

    def send_command(self, call: AssociationCall, instance_id: str, comment: str) -> str:
        self._call("ssm:SendCommand")
        command = SentCommand(f"command-{len(self.commands) + 1}", instance_id, comment, call)
        self.commands[command.command_id] = command
        self.after_command(command)
        self._done("ssm:SendCommand")
        return command.command_id

    def find_command(self, instance_id: str, comment: str, since: datetime) -> str:
        self._call("ssm:ListCommands")
        found = (one for one in self.commands.values() if one.instance_id == instance_id)
        return next((one.command_id for one in found if one.comment == comment), "")

    def invocation(self, command_id: str, instance_id: str) -> Invocation:
        self._call("ssm:ListCommandInvocations")
        command = self.commands[command_id]
        assert command.instance_id == instance_id
        return Invocation(command_id=command_id, status=command.status, output=command.output)

    def start_associations_once(self, ids: Sequence[str]) -> None:
        self._call("ssm:StartAssociationsOnce")
        for association_id in ids:
            self._require_association(association_id, "ssm:StartAssociationsOnce")
            self.started_again.append((association_id, ()))

    def start_association_on(self, association_id: str, instance_ids: Sequence[str]) -> None:
        self._call("ssm:SendCommand")
        self.started_again.append((association_id, tuple(instance_ids)))

    def _require_association(self, association_id: str, operation: str) -> None:
        if association_id not in self.association_rows:
            raise AwsNotFound("AssociationDoesNotExist", "", operation)

    # --- RDS, CloudWatch and stored outputs ----------------------------------------------------------------
    def clusters(self, ids: Sequence[str]) -> list[Cluster]:
        self._call("rds:DescribeDBClusters")
        return [self.db_clusters[key] for key in ids if key in self.db_clusters]

    def instances(self, cluster_ids: Sequence[str]) -> list[DBInstance]:
        self._call("rds:DescribeDBInstances")
        return [row for row in self.db_instances.values() if row.cluster_id in cluster_ids]

    def cluster_use(self, cluster_id: str) -> ClusterUse:
        self._call("cloudwatch:GetMetricData")
        return self.cluster_uses.get(cluster_id, ClusterUse())

    def cluster_metrics(
        self, cluster_ids: Sequence[str], since: datetime, period: timedelta
    ) -> dict[str, list[ClusterMetrics]]:
        self._call("cloudwatch:GetMetricData")
        found = {key: [one for one in self.metrics.get(key, ()) if one.start >= since] for key in cluster_ids}
        return {key: rows for key, rows in found.items() if rows}

    def replica_lags(self, instance_ids: Sequence[str]) -> dict[str, float]:
        self._call("cloudwatch:GetMetricData")
        return {key: self.lags[key] for key in instance_ids if key in self.lags}

    def list_objects(
        self, bucket: str, prefix: str, start_after: str, limit: int, owner: str = ""
    ) -> list[StoredObject]:
        self._call("s3:ListBucket")
        sizes = {key: len(body) for (place, key), body in self.stored.items() if place == bucket}
        sizes |= dict.fromkeys(self.buckets.get(bucket, ()), 1)
        return [
            StoredObject(key=key, size=sizes[key], modified_at=START + timedelta(hours=1))
            for key in sorted(sizes)
            if key.startswith(prefix) and key > start_after
        ][:limit]

    def read_tail(self, bucket: str, key: str, limit: int) -> Tail:
        self._call("s3:GetObject")
        if (bucket, key) not in self.stored:
            raise AwsNotFound("NoSuchKey", "The specified key does not exist.", "s3:GetObject")
        body = self.stored[bucket, key]
        return Tail(body=body[-limit:], size=len(body))

    def deletion_protection(self, arn: str) -> bool:
        self._call("elasticloadbalancing:DescribeLoadBalancerAttributes")
        return arn in self.protected

    def parameters(self, names: Sequence[str]) -> dict[str, str]:
        self._call("ssm:GetParameters")
        return {name: self.ssm_parameters[name] for name in names if name in self.ssm_parameters}

    # --- remaining resources --------------------------------------------------------------------------------
    def log_groups(self, prefix: str) -> list[LogGroup]:
        self._call("logs:DescribeLogGroups")
        return [group for name, group in self.log_group_rows.items() if name.startswith(prefix)]

    def delete_log_group(self, name: str) -> None:
        self._call("logs:DeleteLogGroup")
        self.log_group_rows.pop(name, None)

    def cluster_backups(self, cluster_id: str) -> list[Backup]:
        self._call("rds:DescribeDBClusterSnapshots")
        return list(self.backups.get(cluster_id, ()))

    def instance_backups(self, instance_id: str) -> list[Backup]:
        self._call("rds:DescribeDBSnapshots")
        return list(self.backups.get(instance_id, ()))

    def delete_backup(self, type_: str, id_: str) -> None:
        self._call("rds:DeleteDBClusterSnapshot")
        for name, rows in self.backups.items():
            self.backups[name] = [row for row in rows if (row.type, row.id) != (type_, id_)]

    def pending_actions(self) -> list[PendingAction]:
        self._call("rds:DescribePendingMaintenanceActions")
        return list(self.pending_maintenance)

    def upgrade_targets(self, engine: str, version: str) -> list[UpgradeTarget]:
        self._call("rds:DescribeDBEngineVersions")
        return list(self.engine_targets.get(version, ()))

    def support_of(self, engine: str) -> list[EngineSupport]:
        self._call("rds:DescribeDBMajorEngineVersions")
        return [row for row in self.engine_support if row.engine == engine]

    def age_of(self, secret_id: str) -> SecretAge:
        operation = "secretsmanager:DescribeSecret"
        self._call(operation)
        if secret_id not in self.secret_ages:
            raise AwsNotFound("ResourceNotFoundException", "not found", operation)
        return self.secret_ages[secret_id]

    def zones(self) -> list[str]:
        self._call("ec2:DescribeAvailabilityZones")
        return self.zone_names

    def zones_by_type(self, instance_types: Sequence[str]) -> dict[str, list[str]]:
        self._call("ec2:DescribeInstanceTypeOfferings")
        return {one: self._zones_with(one) for one in instance_types}

    def has_version(self, engine: str, version: str) -> bool:
        self._call("rds:DescribeDBEngineVersions")
        return version not in self.not_offered

    def zones_of_class(self, engine: str, version: str, instance_class: str) -> list[str]:
        self._call("rds:DescribeOrderableDBInstanceOptions")
        return self._zones_with(instance_class)

    def _zones_with(self, name: str) -> list[str]:
        return [zone for zone in self.zone_names if zone not in self.not_offered.get(name, ())]

    def certificate(self, arn: str) -> Certificate:
        self._call("acm:DescribeCertificate")
        if arn not in self.certificates:
            raise AwsNotFound("ResourceNotFoundException", arn, "acm:DescribeCertificate")
        return self.certificates[arn]

    def cluster_snapshots(self, cluster_ids: Sequence[str]) -> list[ClusterSnapshot]:
        self._call("rds:DescribeDBClusterSnapshots")
        return [row for row in self.db_snapshots.values() if row.cluster_id in cluster_ids]

    def cluster_snapshot(self, snapshot_id: str) -> ClusterSnapshot:
        operation = "rds:DescribeDBClusterSnapshots"
        self._call(operation)
        if snapshot_id not in self.db_snapshots:
            raise AwsNotFound("DBClusterSnapshotNotFoundFault", "not found", operation)
        return self.db_snapshots[snapshot_id]

    def create_cluster_snapshot(self, cluster_id: str, snapshot_id: str, tags: Mapping[str, str]) -> None:
        operation = "rds:CreateDBClusterSnapshot"
        self._call(operation)
        if cluster_id not in self.db_clusters:
            raise AwsNotFound("DBClusterNotFoundFault", "not found", operation)
        if snapshot_id in self.db_snapshots:
            raise AwsAlreadyDone("DBClusterSnapshotAlreadyExistsFault", "exists", operation)
        self.db_snapshots[snapshot_id] = ClusterSnapshot(
            snapshot_id=snapshot_id,
            cluster_id=cluster_id,
            kind="manual",
            status="creating",
            tags=tags,
        )
        self._done(operation)

    def network_interfaces(self, vpc_ids: Sequence[str]) -> list[NetworkInterface]:
        self._call("ec2:DescribeNetworkInterfaces")
        return [row for vpc in vpc_ids for row in self.interfaces.get(vpc, ())]

    def delete_network_interface(self, interface_id: str) -> None:
        self._call("ec2:DeleteNetworkInterface")
        for name, rows in self.interfaces.items():
            self.interfaces[name] = [row for row in rows if row.interface_id != interface_id]

    def network_of(self, instance_id: str) -> DescribedNetwork:
        self._call("ec2:DescribeSecurityGroups")
        if self.network is None:
            raise AwsNotFound("InvalidInstanceID.NotFound", instance_id, operation="ec2:DescribeInstances")
        return self.network

    def network_in(self, vpc_id: str) -> DescribedNetwork:
        self._call("ec2:DescribeSecurityGroups")
        return self.network or DescribedNetwork(network=Network())

    def running_instances(self, instance_ids: Sequence[str]) -> list[str]:
        self._call("ec2:DescribeInstances")
        return [one for one in instance_ids if one in self.running]

    def tagged_instances(self, tags: Mapping[str, Sequence[str]]) -> list[TaggedInstance]:
        self._call("ec2:DescribeInstances")
        return [
            one
            for one in self.tagged_servers
            if all(one.tags.get(key) in values for key, values in tags.items())
        ]

    def tagged(self, _key: str, value: str) -> list[str]:
        self._call("tag:GetResources")
        return list(self.tagged_arns.get(value, ()))

    def by_user(self, name: str, start: datetime, end: datetime, limit: int) -> list[TrailEvent]:
        self._call("cloudtrail:LookupEvents")
        return [one for one in self.trail_of_users.get(name, ()) if start <= one.at <= end][:limit]

    def of_resource(self, name: str, end: datetime) -> list[TrailEvent]:
        self._call("cloudtrail:LookupEvents")
        return [one for one in self.trail_of_resources.get(name, ()) if one.at <= end]

    def count_versions(self, bucket: str, prefix: str, limit: int, _owner: str) -> StoredVersions:
        self._call("s3:ListBucketVersions")
        number = sum(key.startswith(prefix) for key in self.buckets.get(bucket, ()))
        return StoredVersions(objects=number, versions=number, size=number, is_complete=number < limit)

    def delete_versions(self, bucket: str, prefix: str, _owner: str) -> bool:
        self._call("s3:DeleteObjectVersion")
        self.buckets[bucket] = {key for key in self.buckets[bucket] if not key.startswith(prefix)}
        return False
