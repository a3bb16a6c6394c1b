"""The observable resources of an environment's stacks, and the tier of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
GROUP = "AWS::AutoScaling::AutoScalingGroup"
INSTANCE = "AWS::EC2::Instance"
ASSOCIATION = "AWS::SSM::Association"
CLUSTER = "AWS::RDS::DBCluster"
SECRET = "AWS::SecretsManager::Secret"  # noqa: S105  # a type
TYPES = (LOAD_BALANCER, TARGET_GROUP, GROUP, ASSOCIATION, CLUSTER, SECRET)

_WEB = re.compile(r"web|alb|apache|httpd|front", re.IGNORECASE)
_APP = re.compile(r"app|nlb|uwsgi|back", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedResource:
    """A resource of a stack: the path of its stack, its logical id, type and physical id."""

    path: str
    logical_id: str
    type: str
    physical_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedResources:
    """The observable resources: ARN, name or id → tier (alb, nlb, web, app; "" if it is unknown).

    Secrets are observed with the databases, not without one.
    """

    load_balancers: Mapping[str, str] = field(default_factory=dict)
    target_groups: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    associations: Mapping[str, str] = field(default_factory=dict)
    clusters: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(
            self.load_balancers or self.target_groups or self.groups or self.associations or self.clusters
        )


def observed_resources_of(resources: Iterable[CreatedResource]) -> ObservedResources:
    """Return the observable ones of these resources."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in TYPES}
    for one in resources:
        if one.type in found and one.physical_id:
            found[one.type][one.physical_id] = _tier(one)
    return ObservedResources(
        load_balancers=found[LOAD_BALANCER],
        target_groups=found[TARGET_GROUP],
        groups=found[GROUP],
        associations=found[ASSOCIATION],
        clusters=tuple(sorted(found[CLUSTER])),
        secrets=tuple(sorted(found[SECRET])),
    )


def _tier(resource: CreatedResource) -> str:
    """Return the tier of a resource by its logical id, else by those of its stacks.

    A load balancer's ARN contains its kind: `…:loadbalancer/app/…` or `…/net/…`.
    """
    if resource.type == LOAD_BALANCER:
        return "nlb" if ":loadbalancer/net/" in resource.physical_id else "alb"
    if resource.type == CLUSTER:
        return "database"
    for name in (resource.logical_id, *reversed(resource.path.split("/"))):
        if _WEB.search(name):
            return "web"
        if _APP.search(name):
            return "app"
    return ""
