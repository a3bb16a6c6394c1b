"""The observations of one environment as plain values, each with its time `observed_at`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deployments.cloudformation.observed_resources import ObservedResources
from deployments.common.errors import Message
from deployments.health.rules.served_versions import VersionPoll


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPoll:
    """The last poll of one kind. `problem` is why it failed, None if it succeeded."""

    source: str
    observed_at: datetime | None = None
    attempted_at: datetime | None = None
    problem_code: str = ""
    problem: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedLoadBalancer:
    """A load balancer; `tier` is alb or nlb."""

    tier: str
    arn: str
    dns_name: str = ""
    state: str = ""
    reason: str = ""
    zones: tuple[str, ...] = ()
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTarget:
    """A target of a load balancer; `tier` is web or app."""

    tier: str
    target_group_arn: str
    target_id: str
    port: int
    zone: str = ""
    state: str
    reason: str = ""
    description: str = ""
    missing_path: Message | None = None
    since: datetime
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedGroup:
    """An Auto Scaling group and its sizes."""

    tier: str
    name: str
    desired: int
    minimum: int = 0
    maximum: int = 0
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedInstance:
    """An instance that is in an Auto Scaling group now."""

    tier: str
    group: str
    instance_id: str
    zone: str = ""
    lifecycle: str = ""
    health: str = ""
    launch_template_version: str = ""
    instance_type: str = ""
    first_seen_at: datetime
    observed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartedInstance:
    """An instance that recently left its Auto Scaling group; `gone_at` is when it was first missing."""

    tier: str
    instance_id: str
    gone_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRun:
    """The latest run of an association on one instance. `duration` is in seconds.

    `is_foreign`: the instance is a server of another environment, which the association's tags match.
    """

    execution_id: str
    instance_id: str
    status: str
    detailed_status: str = ""
    at: datetime | None = None
    duration: float | None = None
    failed_task: str = ""
    failed_message: str = ""
    recap: Mapping[str, int] = field(default_factory=dict)
    pk: int = 0
    is_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedAssociation:
    """An association; `tier` is web, app or "". `runs` has the latest one of each instance.

    Its counts and status are of the environment's own servers (`own_runs.py`).
    """

    tier: str
    association_id: str
    name: str = ""
    document: str = ""
    status: str = ""
    detailed_status: str = ""
    execution_id: str = ""
    executed_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    observed_at: datetime
    runs: tuple[ObservedRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedMember:
    """An instance of a database cluster. `lag_ms` is None if it is unknown."""

    instance_id: str
    is_writer: bool
    status: str = ""
    zone: str = ""
    instance_class: str = ""
    pending: Mapping[str, str] = field(default_factory=dict)
    lag_ms: float | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedCluster:
    """A database cluster with its instances."""

    cluster_id: str
    status: str
    engine_version: str = ""
    endpoint: str = ""
    reader_endpoint: str = ""
    port: int = 0
    pending: Mapping[str, str] = field(default_factory=dict)
    backup_retention_days: int | None = None
    backup_window: str = ""
    earliest_restorable_at: datetime | None = None
    latest_restorable_at: datetime | None = None
    observed_at: datetime
    members: tuple[ObservedMember, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSiteCheck:
    """The latest site check."""

    at: datetime
    wrote: bool
    read: bool
    milliseconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSiteReads:
    """The latest reads through the load balancer, made at the same time to reach every server.

    `reached` is False if the portal could not connect. `milliseconds` is the mean of those that succeeded.
    `polls` are the versions in these and some earlier reads. `missing_path` is the rule or route that a
    request lacks, if they failed.
    """

    at: datetime
    total: int = 0
    succeeded: int = 0
    milliseconds: float | None = None
    reached: bool = True
    problem: Message | None = None
    missing_path: Message | None = None
    polls: tuple[VersionPoll, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """All observations. `parts` are the created resources, observed or not.

    `being_created`: the deployment that creates the environment has not ended. `serves`: requests to its load
    balancers reach servers; if AWS is simulated without servers, they do not. `absent` is why the
    stack does not exist, None while it does. `in_use` are the clusters that the stack's outputs
    name; the others serve nobody. Without any, all are in use.
    """

    parts: ObservedResources = field(default_factory=ObservedResources)
    sources: Mapping[str, LastPoll] = field(default_factory=dict)
    load_balancers: tuple[ObservedLoadBalancer, ...] = ()
    targets: tuple[ObservedTarget, ...] = ()
    groups: tuple[ObservedGroup, ...] = ()
    instances: tuple[ObservedInstance, ...] = ()
    departed: tuple[DepartedInstance, ...] = ()
    associations: tuple[ObservedAssociation, ...] = ()
    clusters: tuple[ObservedCluster, ...] = ()
    in_use: frozenset[str] = frozenset()
    probe: ObservedSiteCheck | None = None
    site_reads: ObservedSiteReads | None = None
    absent: Message | None = None
    being_created: bool = False
    serves: bool = True

    def is_in_use(self, cluster_id: str) -> bool:
        """Return whether the servers use a cluster."""
        return not self.in_use or cluster_id in self.in_use
