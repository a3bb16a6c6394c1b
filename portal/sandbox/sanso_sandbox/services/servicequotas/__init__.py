"""Service Quotas: the quotas of an account that the sandbox limits, which MiniStack does not have.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html: a quota of which
only the default is available is not listed; here that of stacks, until it is changed. Codes are those of each
service's page in https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ministack import app
from ministack.core import iam_actions, router

from sanso_sandbox.engine import quotas
from sanso_sandbox.engine.registry import Answer, Record, Refused, here

SERVICE: Final = "servicequotas"
PAGE: Final = 100
_ONLY_DEFAULT: Final = "stacks"


class Listed(NamedTuple):
    """A quota as Service Quotas lists it."""

    service: str
    code: str
    name: str


LISTED: Final[Mapping[str, Listed]] = {
    "vpcs": Listed("vpc", "L-F678F1CE", "VPCs per Region"),
    "internet_gateways": Listed("vpc", "L-A4707A72", "Internet gateways per Region"),
    "nat_gateways_per_zone": Listed("vpc", "L-FE5A380F", "NAT gateways per Availability Zone"),
    "security_groups": Listed("vpc", "L-E79EC296", "VPC security groups per Region"),
    "rules_per_security_group": Listed("vpc", "L-0EA8095F", "Inbound or outbound rules per security group"),
    "addresses": Listed("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs"),
    "vcpus": Listed("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
    "load_balancers_application": Listed(
        "elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region"
    ),
    "load_balancers_network": Listed(
        "elasticloadbalancing", "L-69A177A2", "Network Load Balancers per Region"
    ),
    "target_groups": Listed("elasticloadbalancing", "L-B22855CB", "Target Groups per Region"),
    "database_clusters": Listed("rds", "L-952B80B8", "DB clusters"),
    "database_instances": Listed("rds", "L-7B6409FD", "DB instances"),
    "stacks": Listed("cloudformation", "L-0485CB21", "Stack count"),
}


def install() -> None:
    """Add the service to MiniStack's."""
    router.SERVICE_PATTERNS[SERVICE] = {
        "target_prefixes": ["ServiceQuotasV20190624"],
        "host_patterns": [r"servicequotas\."],
        "credential_scope": SERVICE,
    }
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    app.SERVICE_HANDLERS[SERVICE] = _answer


async def _answer(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Mapping[str, Any]
) -> Answer:
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        found = _ACTIONS[action](json.loads(body or b"{}"))
    except KeyError:
        return _refused(Refused("UnknownOperationException", f"Unknown operation {action}"))
    except Refused as refused:
        return _refused(refused)
    return _json(200, found)


def _refused(refused: Refused) -> Answer:
    return _json(400, {"__type": refused.code, "Message": str(refused)})


def _json(status: int, body: Record) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def _list(request: Record) -> Record:
    changed = quotas.changed(here().account)
    found = [name for name in _of(request) if name != _ONLY_DEFAULT or name in changed]
    first, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or PAGE)
    page = {"Quotas": [_row(name, applied=True) for name in found[first : first + size]]}
    return page | ({"NextToken": str(first + size)} if first + size < len(found) else {})


def _get(request: Record) -> Record:
    name = _named(request)
    if name == _ONLY_DEFAULT and name not in quotas.changed(here().account):
        raise _missing()
    return {"Quota": _row(name, applied=True)}


def _get_default(request: Record) -> Record:
    return {"Quota": _row(_named(request), applied=False)}


def _of(request: Record) -> list[str]:
    found = [name for name, one in LISTED.items() if one.service == request.get("ServiceCode")]
    if not found:
        raise _missing()
    return found


def _named(request: Record) -> str:
    for name in _of(request):
        if LISTED[name].code == request.get("QuotaCode"):
            return name
    raise _missing()


def _missing() -> Refused:
    return Refused("NoSuchResourceException", "The specified quota does not exist.")


def _row(name: str, *, applied: bool) -> Record:
    one, scope = LISTED[name], here()
    limit = quotas.limits(scope.account)[name] if applied else quotas.QUOTAS[name].limit
    return {
        "ServiceCode": one.service,
        "QuotaArn": f"arn:aws:servicequotas:{scope.region}:{scope.account}:{one.service}/{one.code}",
        "QuotaCode": one.code,
        "QuotaName": one.name,
        "Value": float(limit),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


_ACTIONS: Final[Mapping[str, Callable[[Record], Record]]] = {
    "ListServiceQuotas": _list,
    "GetServiceQuota": _get,
    "GetAWSDefaultServiceQuota": _get_default,
}
