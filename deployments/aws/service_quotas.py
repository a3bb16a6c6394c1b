"""The gateway to Service Quotas: what an account may have of a service, and how much of it is in use.

What is in use is counted by the calls of the services themselves: CloudWatch has it for few quotas only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from deployments.aws.error_mapping import calling
from deployments.aws.instance_vcpus import standard_vcpus
from deployments.common.errors import AwsNotFound

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import StackStatusType
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_service_quotas import ServiceQuotasClient


class Limited(StrEnum):
    """What a quota limits in an account and region. The values are stored."""

    VPCS = "vpcs"
    INTERNET_GATEWAYS = "internet_gateways"
    NAT_GATEWAYS = "nat_gateways"
    SECURITY_GROUPS = "security_groups"
    ADDRESSES = "addresses"
    VCPUS = "vcpus"
    APPLICATION_LOAD_BALANCERS = "application_load_balancers"
    NETWORK_LOAD_BALANCERS = "network_load_balancers"
    TARGET_GROUPS = "target_groups"
    DATABASE_CLUSTERS = "database_clusters"
    DATABASE_INSTANCES = "database_instances"
    STACKS = "stacks"


CODES: Final[Mapping[str, Mapping[Limited, str]]] = {
    "vpc": {
        Limited.VPCS: "L-F678F1CE",
        Limited.INTERNET_GATEWAYS: "L-A4707A72",
        Limited.NAT_GATEWAYS: "L-FE5A380F",
        Limited.SECURITY_GROUPS: "L-E79EC296",
    },
    "ec2": {Limited.ADDRESSES: "L-0263D0A3", Limited.VCPUS: "L-1216C47A"},
    "elasticloadbalancing": {
        Limited.APPLICATION_LOAD_BALANCERS: "L-53DA6B97",
        Limited.NETWORK_LOAD_BALANCERS: "L-69A177A2",
        Limited.TARGET_GROUPS: "L-B22855CB",
    },
    "rds": {Limited.DATABASE_CLUSTERS: "L-952B80B8", Limited.DATABASE_INSTANCES: "L-7B6409FD"},
    "cloudformation": {Limited.STACKS: "L-0485CB21"},
}
"""The quotas that are compared, by service: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html,
https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html"""
_LIVE_NAT: Final = ("pending", "available", "deleting")
"""The states that count: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""
_DELETED: Final = "DELETE_COMPLETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """A quota of an account and region, and what is in use. NAT gateways are those of the fullest zone."""

    limited: Limited
    limit: int
    used: int


class ServiceQuotas(Protocol):
    """What the test of a connection asks about quotas."""

    def use_of(self, service: str) -> list[QuotaUse]:
        """Return the quotas of a service of CODES with their use."""
        ...


class ServiceQuotasGateway:
    """Service Quotas and the services' own calls through boto3; the protocol documents the methods."""

    def __init__(
        self,
        client: ServiceQuotasClient,
        *,
        ec2: EC2Client,
        elbv2: ElasticLoadBalancingv2Client,
        rds: RDSClient,
        cloudformation: CloudFormationClient,
    ) -> None:
        self._client, self._ec2, self._elbv2 = client, ec2, elbv2
        self._rds, self._cloudformation = rds, cloudformation

    def use_of(self, service: str) -> list[QuotaUse]:
        counts: Mapping[str, Callable[[], Mapping[Limited, int]]] = {
            "vpc": self._networks,
            "ec2": self._servers,
            "elasticloadbalancing": self._load_balancers,
            "rds": self._databases,
            "cloudformation": self._stacks,
        }
        limits, used = self._limits(service), counts[service]()
        return [QuotaUse(limited=one, limit=limit, used=used[one]) for one, limit in limits.items()]

    def _limits(self, service: str) -> dict[Limited, int]:
        """Return the values of an account, or AWS's defaults, without quotas that a region does not have."""
        pages = self._client.get_paginator("list_service_quotas").paginate(
            ServiceCode=service, PaginationConfig={"PageSize": 100}
        )
        with calling("servicequotas:ListServiceQuotas"):
            values = {row["QuotaCode"]: row["Value"] for page in pages for row in page.get("Quotas", [])}
        for code in CODES[service].values():
            if code not in values:
                with suppress(AwsNotFound):
                    values[code] = self._default(service, code)
        return {limited: int(values[code]) for limited, code in CODES[service].items() if code in values}

    def _default(self, service: str, code: str) -> float:
        with calling("servicequotas:GetAWSDefaultServiceQuota"):
            found = self._client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
        return found["Quota"]["Value"]

    def _networks(self) -> dict[Limited, int]:
        gateways = [
            row["SubnetId"]
            for row in self._rows(calling("ec2:DescribeNatGateways"), "describe_nat_gateways", "NatGateways")
            if row.get("State") in _LIVE_NAT and row.get("SubnetId")
        ]
        return {
            Limited.VPCS: len(self._rows(calling("ec2:DescribeVpcs"), "describe_vpcs", "Vpcs")),
            Limited.INTERNET_GATEWAYS: len(
                self._rows(
                    calling("ec2:DescribeInternetGateways"), "describe_internet_gateways", "InternetGateways"
                )
            ),
            Limited.NAT_GATEWAYS: self._in_fullest_zone(gateways),
            Limited.SECURITY_GROUPS: len(
                self._rows(
                    calling("ec2:DescribeSecurityGroups"), "describe_security_groups", "SecurityGroups"
                )
            ),
        }

    def _in_fullest_zone(self, subnets: Sequence[str]) -> int:
        if not subnets:
            return 0
        rows = self._rows(calling("ec2:DescribeSubnets"), "describe_subnets", "Subnets")
        zones = {row["SubnetId"]: row.get("AvailabilityZone", "") for row in rows}
        return max(Counter(zones.get(subnet, "") for subnet in subnets).values())

    def _servers(self) -> dict[Limited, int]:
        with calling("ec2:DescribeAddresses"):
            addresses = self._ec2.describe_addresses()["Addresses"]
        running = [
            row["InstanceType"]
            for group in self._rows(calling("ec2:DescribeInstances"), "describe_instances", "Reservations")
            for row in group.get("Instances", [])
            if row.get("State", {}).get("Name") in ("pending", "running") and "InstanceLifecycle" not in row
        ]
        return {Limited.ADDRESSES: len(addresses), Limited.VCPUS: sum(map(standard_vcpus, running))}

    def _rows(self, call: AbstractContextManager[None], method: Any, key: str) -> list[Any]:
        """Return what EC2 lists, from all pages."""
        with call:
            return _flat(self._ec2.get_paginator(method).paginate(), key)

    def _load_balancers(self) -> dict[Limited, int]:
        with calling("elasticloadbalancing:DescribeLoadBalancers"):
            pages = self._elbv2.get_paginator("describe_load_balancers").paginate()
            types = Counter(row.get("Type", "") for row in _flat(pages, "LoadBalancers"))
        with calling("elasticloadbalancing:DescribeTargetGroups"):
            groups = _flat(self._elbv2.get_paginator("describe_target_groups").paginate(), "TargetGroups")
        return {
            Limited.APPLICATION_LOAD_BALANCERS: types["application"],
            Limited.NETWORK_LOAD_BALANCERS: types["network"],
            Limited.TARGET_GROUPS: len(groups),
        }

    def _databases(self) -> dict[Limited, int]:
        with calling("rds:DescribeDBClusters"):
            clusters = _flat(self._rds.get_paginator("describe_db_clusters").paginate(), "DBClusters")
        with calling("rds:DescribeDBInstances"):
            instances = _flat(self._rds.get_paginator("describe_db_instances").paginate(), "DBInstances")
        return {Limited.DATABASE_CLUSTERS: len(clusters), Limited.DATABASE_INSTANCES: len(instances)}

    def _stacks(self) -> dict[Limited, int]:
        """Count the stacks, nested ones as well; deleted ones are listed for 90 days otherwise."""
        shape = self._cloudformation.meta.service_model.shape_for("StackStatus")
        states = shape.enum  # type: ignore[attr-defined]  # of a StringShape
        wanted: list[StackStatusType] = [one for one in states if one != _DELETED]
        with calling("cloudformation:ListStacks"):
            pages = self._cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=wanted)
            return {Limited.STACKS: len(_flat(pages, "StackSummaries"))}


def _flat(pages: Iterable[Mapping[str, Any]], key: str) -> list[Any]:
    return [row for page in pages for row in page.get(key, [])]
