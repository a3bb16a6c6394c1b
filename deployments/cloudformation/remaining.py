"""Remaining resources of a deployment in AWS, and whether AWS bills them: values, no rows and no calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from deployments.common.errors import Message


class Reason(StrEnum):
    """Why a resource is still there. Stored in JSON columns: a code that was released stays."""

    NOT_DELETED = "not_deleted"  # CloudFormation did not delete it, or could not
    RETAINED = "retained"  # DeletionPolicy: Retain
    SNAPSHOT = "snapshot"  # DeletionPolicy: Snapshot, or taken by a person
    BACKUP = "backup"  # automated backups that outlive their database
    LOGS = "logs"  # a log group created by its writer, outside of any stack
    ARTIFACTS = "artifacts"  # templates and zips that Sanso uploaded
    OUTPUTS = "outputs"  # outputs of the servers' associations
    INTERFACE = "interface"  # a network interface that Lambda or a load balancer releases later
    TAGGED = "tagged"  # found only by the environment's tag


class Billing(StrEnum):
    """Whether AWS bills a resource for being there. UNKNOWN: by use, by size, or a type not in the table."""

    BILLED = "billed"
    FREE = "free"
    UNKNOWN = "unknown"


class SearchState(StrEnum):
    """How far the search is. NONE: nothing was to be searched, or an earlier version of Sanso ended it."""

    NONE = "none"
    PENDING = "pending"
    DONE = "done"
    INCOMPLETE = "incomplete"  # at least one service could not be searched


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingResource:
    """One resource that still exists.

    `type` is CloudFormation's type name, also for resources that no stack created; `id` is its id in the
    service's API; `details` are values by name: `objects`, `versions`, `bytes`, `created_at`, `status`,
    `shared_with` (names of environments that use it too).
    """

    type: str
    id: str
    reason: Reason
    billing: Billing
    path: str = ""  # logical ids below the root stack; "" if it is in no stack
    can_delete: bool = False  # Sanso can delete it; a stack's resources are deleted with the environment
    details: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
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
        """Read the output of `as_json`. Raise ValueError for a reason of a newer version of Sanso."""
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
    """The known remaining resources of a deployment that has ended.

    `stack_status` is the root stack's, "" if the stack no longer exists: a stack without resources costs
    nothing, but keeps the environment's name. `problems` are the searches that failed, by service.
    """

    resources: tuple[RemainingResource, ...] = ()
    stack_status: str = ""
    search: SearchState = SearchState.NONE
    searched_at: datetime | None = None
    problems: Mapping[str, Message] = field(default_factory=dict)

    @property
    def billed(self) -> tuple[RemainingResource, ...]:
        """Return the resources that AWS bills for existing."""
        return tuple(one for one in self.resources if one.billing is Billing.BILLED)

    @property
    def of_stacks(self) -> tuple[RemainingResource, ...]:
        """Return the resources in stacks: deleting the environment deletes them."""
        return tuple(one for one in self.resources if one.reason is Reason.NOT_DELETED)

    @property
    def deletable(self) -> tuple[RemainingResource, ...]:
        """Return the resources that Sanso can delete itself, each by its service's API."""
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
"""Billed by the hour or by stored data, regardless of use: see each service's pricing page."""
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
"""Free while unused."""


def billing_of(resource_type: str) -> Billing:
    """Return whether AWS bills a resource of a CloudFormation type for existing."""
    if resource_type in _BILLED:
        return Billing.BILLED
    return Billing.FREE if resource_type in _FREE else Billing.UNKNOWN
