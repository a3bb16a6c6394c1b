"""Whether an account has room for one more environment: its quotas against what the templates create.

What an environment of each size needs is counted from the templates with the values of the size.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from deployments.accounts.rules.connection import ZONES, Check, ConnectionFinding, FindingCode, Result
from deployments.accounts.rules.facts import ConnectionAnswers
from deployments.accounts.rules.sizes import SizeNeeds
from deployments.aws.instance_vcpus import standard_vcpus
from deployments.aws.regions import console_page
from deployments.aws.service_quotas import CODES, Limited, QuotaUse
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of

_COUNTED: Final[Mapping[str, tuple[Limited, ...]]] = {
    "AWS::EC2::VPC": (Limited.VPCS, Limited.SECURITY_GROUPS),  # each has a default group
    "AWS::EC2::InternetGateway": (Limited.INTERNET_GATEWAYS,),
    "AWS::EC2::NatGateway": (Limited.NAT_GATEWAYS,),
    "AWS::EC2::SecurityGroup": (Limited.SECURITY_GROUPS,),
    "AWS::EC2::EIP": (Limited.ADDRESSES,),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (Limited.TARGET_GROUPS,),
    "AWS::RDS::DBCluster": (Limited.DATABASE_CLUSTERS,),
    "AWS::RDS::DBInstance": (Limited.DATABASE_INSTANCES,),
}
_BALANCERS: Final = {
    "application": Limited.APPLICATION_LOAD_BALANCERS,
    "network": Limited.NETWORK_LOAD_BALANCERS,
}


def findings(
    facts: ConnectionAnswers, sizes: Sequence[SizeNeeds], region: str
) -> Iterator[ConnectionFinding]:
    """Yield the quotas that one more environment would exceed: a problem if even the smallest size does.

    Args:
        region: whose console has the pages of the quotas, "" for none.
    """
    found = [one for used in facts.quotas.values() for one in used]
    short = [one for use in found if (one := _shortage(use, sizes, region)) is not None]
    yield from short
    for service, error in facts.quota_errors.items():
        yield ConnectionFinding(
            check=Check.QUOTAS,
            result=Result.WARNING,
            code=FindingCode.QUOTA_UNKNOWN,
            values={"service": service, "operation": error.operation, "code": error.code},
        )
    if found and not short and not facts.quota_errors:
        yield ConnectionFinding(
            check=Check.QUOTAS,
            result=Result.OK,
            code=FindingCode.QUOTAS_OK,
            values={"count": str(len(found))},
        )


def _shortage(use: QuotaUse, sizes: Sequence[SizeNeeds], region: str) -> ConnectionFinding | None:
    left = max(0, use.limit - use.used)
    needed = [(one.label, one.needs.get(use.limited, 0)) for one in sizes]
    lacking = [(label, count) for label, count in needed if count > left]
    if not lacking:
        return None
    return ConnectionFinding(
        check=Check.QUOTAS,
        result=Result.PROBLEM if len(lacking) == len(sizes) else Result.WARNING,
        code=FindingCode.QUOTA_SHORT,
        values={
            "quota": str(use.limited),
            "limit": str(use.limit),
            "left": str(left),
            "sizes": json.dumps(needed),
            "region": region,
        },
    )


def page_of(found: ConnectionFinding) -> str:
    """Return the page of a finding's quota in Service Quotas, "" without one."""
    region, limited = found.values.get("region", ""), found.values.get("quota", "")
    pages = [
        console_page(region, f"servicequotas/home/services/{service}/quotas/{codes[Limited(limited)]}")
        for service, codes in CODES.items()
        if region and limited in codes
    ]
    return pages[0] if pages else ""


def needs_of(side: TemplateSide) -> dict[Limited, int]:
    """Return what the stacks of a template set need of each quota, with the values of the set's side.

    Resources under a condition whose value is not known beforehand count.
    """
    stacks = stacks_of(side)
    found: Counter[Limited] = Counter({Limited.STACKS: len(stacks)})
    for stack in stacks.values():
        for body in stack.resources.values():
            found.update(_needed(stack, body))
    found[Limited.NAT_GATEWAYS] = -(-found[Limited.NAT_GATEWAYS] // ZONES)
    return dict(found)


def _needed(stack: TemplateStack, body: Mapping[str, Any]) -> dict[Limited, int]:
    resource_type, given = str(body.get("Type") or ""), mapping(body.get("Properties"))
    if resource_type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        kind = stack.scope.literal(given.get("Type")) or "application"
        return {_BALANCERS[kind]: 1} if kind in _BALANCERS else {}
    if resource_type == "AWS::EC2::Instance":
        return {Limited.VCPUS: standard_vcpus(stack.scope.literal(given.get("InstanceType")) or "")}
    if resource_type == "AWS::AutoScaling::AutoScalingGroup":
        size = given.get("DesiredCapacity", given.get("MinSize"))
        count = stack.scope.literal(size) or "0"
        return {Limited.VCPUS: (int(count) if count.isdecimal() else 0) * _vcpus_of_group(stack, given)}
    return dict.fromkeys(_COUNTED.get(resource_type, ()), 1)


def _vcpus_of_group(stack: TemplateStack, group: Mapping[str, Any]) -> int:
    """Return the vCPUs of one server of a group, whose launch template is in the same stack."""
    named = mapping(mapping(group.get("LaunchTemplate")).get("LaunchTemplateId")).get("Ref")
    data = mapping(mapping(stack.resources.get(str(named), {}).get("Properties")).get("LaunchTemplateData"))
    return standard_vcpus(stack.scope.literal(data.get("InstanceType")) or "")
