"""The quotas of a new account, which the control API can change, and AWS's errors for exceeding them.

The values are AWS's defaults of 2026-11; the texts are from
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and of the Errors sections of
CreateLoadBalancer, CreateTargetGroup, CreateDBCluster, CreateDBInstance, CreateDBClusterSnapshot and
CreateStack.
"""

from dataclasses import dataclass
from typing import Final

from sanso_sandbox.engine.registry import Refused, here

GENERAL: Final = "GeneralServiceException"  # the code of EC2's older handlers for most errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The limit of a resource in an account and region, and the error for exceeding it."""

    limit: int
    code: str
    text: str  # {limit} is replaced by the number
    handler_code: str = ""


QUOTAS: Final = {
    "vpcs": Quota(
        limit=5,  # including the default VPC
        code="VpcLimitExceeded",
        text="The maximum number of VPCs has been reached.",
        handler_code=GENERAL,
    ),
    "internet_gateways": Quota(
        limit=5,
        code="InternetGatewayLimitExceeded",
        text="The maximum number of internet gateways has been reached.",
        handler_code=GENERAL,
    ),
    "addresses": Quota(
        limit=5,
        code="AddressLimitExceeded",
        text="The maximum number of addresses has been reached.",
        handler_code=GENERAL,
    ),
    "nat_gateways_per_zone": Quota(
        limit=5,
        code="NatGatewayLimitExceeded",
        text="Performing this operation would exceed the limit of {limit} NAT gateways",
        handler_code=GENERAL,
    ),
    "security_groups": Quota(
        limit=2_500,
        code="SecurityGroupLimitExceeded",
        text="The maximum number of security groups has been reached.",
        handler_code=GENERAL,
    ),
    "rules_per_security_group": Quota(
        limit=60,
        code="RulesPerSecurityGroupLimitExceeded",
        text="The maximum number of rules per security group has been reached.",
        handler_code=GENERAL,
    ),
    "vcpus": Quota(
        limit=32,
        code="VcpuLimitExceeded",
        text="You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the "
        "instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    ),
    "load_balancers_application": Quota(
        limit=50,
        code="TooManyLoadBalancers",
        text="The maximum number of load balancers has been reached",
    ),
    "load_balancers_network": Quota(
        limit=50,
        code="TooManyLoadBalancers",
        text="The maximum number of load balancers has been reached",
    ),
    "load_balancers_gateway": Quota(
        limit=100,
        code="TooManyLoadBalancers",
        text="The maximum number of load balancers has been reached",
    ),
    "target_groups": Quota(
        limit=3_000,
        code="TooManyTargetGroups",
        text="The maximum number of target groups has been reached",
    ),
    "database_clusters": Quota(
        limit=40, code="DBClusterQuotaExceededFault", text="DB Cluster quota exceeded"
    ),
    "database_instances": Quota(limit=40, code="InstanceQuotaExceeded", text="DB Instance quota exceeded"),
    "manual_cluster_snapshots": Quota(
        limit=100,
        code="SnapshotQuotaExceeded",
        text="Cannot create more than {limit} manual cluster snapshots",
    ),
    "stacks": Quota(
        limit=2_000,
        code="LimitExceededException",
        text="Limit for the number of stacks exceeded: {limit}",
    ),
}

_changed: dict[str, dict[str, int]] = {}  # by account


def limits(account: str) -> dict[str, int]:
    """Return the limit of each quota in an account."""
    return {name: quota.limit for name, quota in QUOTAS.items()} | changed(account)


def changed(account: str) -> dict[str, int]:
    """Return the quotas of an account that are not those of a new one."""
    return _changed.get(account, {})


def change(account: str, given: dict[str, object]) -> None:
    """Change quotas of an account. Raises ValueError for invalid ones, without changing any."""
    for name, limit in given.items():
        if name not in QUOTAS:
            raise ValueError(f"a quota is one of {', '.join(QUOTAS)}")
        if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= 1_000_000:
            raise ValueError(f"the limit of {name} is a whole number up to 1,000,000")
    _changed.setdefault(account, {}).update({name: int(str(limit)) for name, limit in given.items()})


def reset(account: str | None) -> None:
    """Reset the quotas of an account, or of all accounts, to those of a new account."""
    if account is None:
        _changed.clear()
    else:
        _changed.pop(account, None)


def require(name: str, used: int, more: int = 1) -> None:
    """Raise Refused if `more` resources would exceed the current account's quota."""
    limit = limits(here().account)[name]
    if used + more > limit:
        quota = QUOTAS[name]
        raise Refused(quota.code, quota.text.format(limit=limit), handler_code=quota.handler_code)
