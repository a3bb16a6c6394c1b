"""Read the observations of an environment as plain values, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import fields
from datetime import timedelta
from typing import Any, TypeVar

from django.utils import timezone

from deployments.cloudformation.observed_resources import (
    TYPES,
    CreatedResource,
    ObservedResources,
    observed_resources_of,
)
from deployments.cloudformation.status import DELETED, is_failed_create
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployment_queries import began
from deployments.environments.models.environments import Environment
from deployments.environments.rules.outcome import SANDBOX_RESTARTED, WITHOUT_STACK
from deployments.environments.rules.phases import Kind, State
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.health.models.site import SiteReads
from deployments.health.rules import observations
from deployments.health.rules.own_runs import of_own_servers
from deployments.stacks.models.stacks import Resource

Fact = TypeVar("Fact")
DEPARTED_FOR = timedelta(hours=1)
"""Time for which a departed instance counts as replaced by new ones and is named in messages."""


def observations_of(environment: Environment) -> observations.Observations:
    """Return all observations of the environment, in 11 queries for any size.

    There is one more if associations ran on servers that are not in its groups.
    """
    active = environment.active_deployment
    probe = environment.site_probes.order_by("-at", "-pk").first()
    reads = environment.site_reads.order_by("-start").first()
    instances = list(environment.instances.present_or_gone_since(timezone.now() - DEPARTED_FOR))
    parts = observed_resources_of_environment(environment)
    clusters = _clusters(environment)
    return observations.Observations(
        parts=parts,
        sources={row.source: _source(row) for row in environment.observations.all()},
        load_balancers=tuple(
            observations.ObservedLoadBalancer(
                **_same(row, observations.ObservedLoadBalancer) | {"zones": tuple(row.zones)}
            )
            for row in environment.load_balancers.all()
        ),
        targets=tuple(
            observations.ObservedTarget(
                **_same(row, observations.ObservedTarget) | {"missing_path": read_message(row.missing_path)}
            )
            for row in environment.targets.all()
        ),
        groups=_read(environment.fleet_groups.all(), observations.ObservedGroup),
        instances=_read((row for row in instances if row.gone_at is None), observations.ObservedInstance),
        departed=_read((row for row in instances if row.gone_at), observations.DepartedInstance),
        associations=_associations(environment, {row.instance_id for row in instances}),
        clusters=clusters,
        in_use=_in_use(environment, parts, (one.cluster_id for one in clusters)),
        probe=_read([probe], observations.ObservedSiteCheck)[0] if probe else None,
        absent=_absent(environment, parts),
        site_reads=_site_reads(reads) if reads else None,
        being_created=active is not None and active.creates and not active.is_scheduled_creation,
        serves=environment.account.has_servers,
    )


def _absent(environment: Environment, parts: ObservedResources) -> Message | None:
    """Return why the environment has no stack, or nothing left in it; None while it may have something."""
    if environment.missing_since:
        restarted = environment.missing_code == SANDBOX_RESTARTED
        return Message(Code.SANDBOX_RESTARTED if restarted else Code.STACK_MISSING)
    if environment.is_of_another_run:
        return Message(Code.SANDBOX_RESTARTED)
    latest = environment.latest
    if latest is not None and latest.is_scheduled_creation:
        return Message(Code.NOT_CREATED_YET)
    if latest is None or latest.is_active:
        return None
    if latest.error_code in WITHOUT_STACK:
        return read_message(latest.error_sentence)
    failed = latest.creates and latest.state != State.SUCCEEDED
    failed |= latest.kind == Kind.ROLLBACK_CREATION
    return Message(Code.CREATION_FAILED) if failed and not parts else None


def observed_resources_of_environment(environment: Environment) -> ObservedResources:
    """Return the resources of the environment's stacks that can be observed, in one query."""
    return observed_resources_of_environments([environment])[environment.pk]


def observed_resources_of_environments(environments: Iterable[Environment]) -> dict[int, ObservedResources]:
    """Return the parts of each environment by its key, in one query for all.

    For each logical id, the row of the deployment that began last counts; deleted resources are left out.
    """
    found: dict[int, dict[tuple[str, str], CreatedResource | None]] = {one.pk: {} for one in environments}
    rows = Resource.objects.filter(stack__deployment__environment__in=list(found), type__in=TYPES)
    for environment, path, logical_id, kind, physical_id, status in rows.order_by(
        began("stack__deployment__"), "stack__deployment_id", "stack__depth", "pk"
    ).values_list(
        "stack__deployment__environment", "stack__path", "logical_id", "type", "physical_id", "status"
    ):
        gone = status == DELETED or is_failed_create(status) or not physical_id
        resource = CreatedResource(path=path, logical_id=logical_id, type=kind, physical_id=physical_id)
        found[environment][path, logical_id] = None if gone else resource
    return {pk: observed_resources_of(one for one in of_one.values() if one) for pk, of_one in found.items()}


def _associations(
    environment: Environment, own: Collection[str]
) -> tuple[observations.ObservedAssociation, ...]:
    runs: dict[int, list[observations.ObservedRun]] = defaultdict(list)
    found = list(
        AssociationRun.objects.of(environment).newest_of_each().without_output().order_by("instance_id")
    )
    unknown = {run.instance_id for run in found}.difference(own)
    foreign = FleetInstance.objects.of_others(environment, unknown) if unknown else set()
    for run in found:
        values = _same(run, observations.ObservedRun, "is_foreign")
        runs[run.association_id].append(
            observations.ObservedRun(**values, is_foreign=run.instance_id in foreign)
        )
    return tuple(
        of_own_servers(
            observations.ObservedAssociation(
                **_same(row, observations.ObservedAssociation, "runs"), runs=tuple(runs.get(row.pk, ()))
            )
        )
        for row in environment.associations.all()
    )


def _clusters(environment: Environment) -> tuple[observations.ObservedCluster, ...]:
    rows = environment.clusters.prefetch_related("members")
    return tuple(
        observations.ObservedCluster(
            **_same(row, observations.ObservedCluster, "members"),
            members=_read(row.members.all(), observations.ObservedMember),
        )
        for row in rows
    )


def databases_in_use(environment: Environment) -> list[str]:
    """Return the observed database clusters that the servers of an environment use."""
    known = list(environment.clusters.values_list("cluster_id", flat=True).order_by("cluster_id"))
    used = _in_use(environment, observed_resources_of_environment(environment), known)
    return [one for one in known if not used or one in used]


def _in_use(environment: Environment, parts: ObservedResources, observed: Iterable[str]) -> frozenset[str]:
    """Return the clusters, observed or not, that the environment's outputs name."""
    outputs = {str(value) for value in environment.outputs.values()}
    return frozenset(outputs & {*parts.clusters, *observed})


def _site_reads(row: SiteReads) -> observations.ObservedSiteReads:
    return observations.ObservedSiteReads(
        at=row.latest_at,
        total=row.latest_reads,
        succeeded=row.latest_reads - row.latest_failed,
        milliseconds=row.latest_milliseconds,
        reached=row.reached,
        problem=read_message(row.problem),
        missing_path=read_message(row.missing_path),
        polls=row.polls,
    )


def _source(row: Any) -> observations.LastPoll:
    return observations.LastPoll(
        source=row.source,
        observed_at=row.observed_at,
        attempted_at=row.attempted_at,
        problem_code=row.problem_code,
        problem=read_message(row.problem_sentence),
    )


def _read(rows: Iterable[Any], kind: type[Fact]) -> tuple[Fact, ...]:
    return tuple(kind(**_same(row, kind)) for row in rows)


def _same(row: Any, kind: Any, *but: str) -> dict[str, Any]:
    """Return the values of the row's fields that the fact has too."""
    return {name: getattr(row, name) for name in (field.name for field in fields(kind)) if name not in but}
