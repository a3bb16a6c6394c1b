"""What is left in AWS of a deployment, and whether AWS bills it: values, no rows and no calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from deployments.errors import Message


class Reason(StrEnum):
    """Why a resource is still there. Stored in JSON columns: a code that was released stays."""

    NOT_DELETED = "not_deleted"  # CloudFormation did not delete it, or could not
    RETAINED = "retained"  # DeletionPolicy: Retain
    SNAPSHOT = "snapshot"  # DeletionPolicy: Snapshot, or taken by a person
    BACKUP = "backup"  # automated backups that outlive their database
    LOGS = "logs"  # a log group that its writer created, which no stack has
    ARTIFACTS = "artifacts"  # templates and zips that Sanso uploaded
    OUTPUTS = "outputs"  # what the servers' associations wrote
    INTERFACE = "interface"  # a network interface that Lambda or a load balancer releases later
    TAGGED = "tagged"  # found by the environment's tag alone


class Billing(StrEnum):
    """Whether AWS bills a resource for being there. UNKNOWN: by use, by size, or a type not in the table."""

    BILLED = "billed"
    FREE = "free"
    UNKNOWN = "unknown"


class SearchState(StrEnum):
    """How far the search is. NONE: nothing was to be searched, or a release before this one ended it."""

    NONE = "none"
    PENDING = "pending"
    DONE = "done"
    INCOMPLETE = "incomplete"  # at least one service could not be searched


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingResource:
    """One thing that is still there.

    `type` is CloudFormation's name of the type, also for what no stack created; `id` is what its service's
    API calls it by; `details` are values by name: `objects`, `versions`, `bytes`, `created_at`, `status`,
    `shared_with` (names of environments that use it too).
    """

    type: str
    id: str
    reason: Reason
    billing: Billing
    path: str = ""  # logical ids below the root stack; "" when no stack has it
    can_delete: bool = False  # Sanso can delete it; what a stack still has goes with the environment
    details: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what a JSON column keeps."""
        return {
            "type": self.type,
            "id": self.id,
            "reason": str(self.reason),
            "billing": str(self.billing),
            "path": self.path,
            "can_delete": self.can_delete,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `as_json` was made from. Raises ValueError for a reason of a newer release."""
        return cls(
            type=str(kept["type"]),
            id=str(kept["id"]),
            reason=Reason(kept["reason"]),
            billing=Billing(kept["billing"]),
            path=str(kept.get("path", "")),
            can_delete=bool(kept.get("can_delete")),
            details={str(name): str(value) for name, value in kept.get("details", {}).items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is left of a deployment that has ended, as far as is known.

    `stack_status` is the root stack's, "" when there is no stack any more: a stack without resources costs
    nothing, but keeps the environment's name. `problems` are the searches that failed, by service.
    """

    resources: tuple[RemainingResource, ...] = ()
    stack_status: str = ""
    search: SearchState = SearchState.NONE
    searched_at: datetime | None = None
    problems: Mapping[str, Message] = field(default_factory=dict)

    @property
    def billed(self) -> tuple[RemainingResource, ...]:
        """Return what AWS bills for being there."""
        return tuple(one for one in self.resources if one.billing is Billing.BILLED)

    @property
    def of_stacks(self) -> tuple[RemainingResource, ...]:
        """Return what a stack still has: deleting the environment deletes it."""
        return tuple(one for one in self.resources if one.reason is Reason.NOT_DELETED)

    @property
    def deletable(self) -> tuple[RemainingResource, ...]:
        """Return what Sanso can delete by itself, each by its service's API."""
        return tuple(one for one in self.resources if one.can_delete)


_BILLED = frozenset(
    [
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::DynamoDB::Table",
        "AWS::EC2::EIP",
        "AWS::EC2::Instance",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Snapshot",
        "AWS::EC2::Volume",
        "AWS::ECS::Service",
        "AWS::EFS::FileSystem",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::ElasticLoadBalancing::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBClusterAutomatedBackup",
        "AWS::RDS::DBClusterSnapshot",
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBInstanceAutomatedBackup",
        "AWS::RDS::DBProxy",
        "AWS::RDS::DBSnapshot",
        "AWS::Route53::HostedZone",
        "AWS::S3::Object",
        "AWS::SecretsManager::Secret",
    ]
)
"""Billed by the hour or by what is stored, whatever the use: each service's pricing page."""
_FREE = frozenset(
    [
        "AWS::AutoScaling::LaunchConfiguration",
        "AWS::CertificateManager::Certificate",
        "AWS::CloudFormation::Stack",
        "AWS::EC2::DHCPOptions",
        "AWS::EC2::EIPAssociation",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::NetworkAcl",
        "AWS::EC2::NetworkInterface",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::RDS::DBClusterParameterGroup",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Association",
        "AWS::SSM::Document",
        "AWS::SSM::Parameter",
    ]
)
"""Free while nobody uses them."""


def billing_of(resource_type: str) -> Billing:
    """Return whether AWS bills a resource of a CloudFormation type for being there."""
    if resource_type in _BILLED:
        return Billing.BILLED
    return Billing.FREE if resource_type in _FREE else Billing.UNKNOWN
