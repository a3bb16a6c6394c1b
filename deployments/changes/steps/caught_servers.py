"""Before a deployment, name the servers whose tags associations of two environments of the account match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from django.contrib.auth.models import User

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.aws.ec2 import TaggedInstance
from deployments.aws.session import Clients
from deployments.cloudformation.nested_templates import stacks_of
from deployments.cloudformation.observed_resources import GROUP, INSTANCE
from deployments.cloudformation.server_associations import (
    CaughtServers,
    DeployedSide,
    RunningServer,
    TaggedServers,
    TaggedTargets,
    caught,
    tagged_servers,
    tagged_targets,
)
from deployments.common.errors import AwsFailure, AwsRetryable, UserFixable
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.fleet import FleetInstance
from deployments.health.shared.servers_of_others import others_among
from deployments.stacks.models.stacks import Resource
from deployments.stacks.shared import event_log
from deployments.stacks.shared.preflight import NAME_TAG
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets

MOST = 20
"""Maximum number of associations of an environment to look up."""
ENVIRONMENTS = 200
"""Maximum number of other environments to compare with: the newest ones."""

Tagged = tuple[tuple[TaggedTargets, ...], tuple[TaggedServers, ...]]
"""The targets of a set's associations, and what launches its servers."""


def of_creation(
    account: Account, template_set: template_files.TemplateSet, values: Mapping[str, str], user: User
) -> list[CaughtServers]:
    """Return what the tags of a new environment would match, as far as the rows say; AWS is not called.

    Environments that the user may not view are counted, but not named.
    """
    targets, servers = _tagged(template_set, values)
    neighbors = _Neighbors(account, user)
    return list(caught(targets, servers, neighbors.running(targets), neighbors.sides(servers)))


def report(deployment: Deployment, clients: Clients, template_set: template_files.TemplateSet) -> None:
    """Write an event for each association whose tags servers of another environment have.

    What runs is what EC2 has; without access to it, what was observed: a deployment does not depend on it.
    """
    environment = deployment.environment
    targets, servers = _tagged(template_set, {**environment.parameters, **deployment.parameters})
    neighbors = _Neighbors(environment.account, deployment.requested_by, environment)
    try:
        found = [one for each in targets for one in clients.ec2.tagged_instances(dict(each.tags))]
        running = neighbors.named(others_among(environment, found))
    except AwsRetryable:
        raise
    except AwsFailure:
        running = neighbors.running(targets)
    for one in caught(targets, servers, running, neighbors.sides(servers)):
        event_log.add(deployment, one.code, key=one.key, **one.values)


class _Neighbors:
    """The other environments of an account, with what was deployed last in each."""

    def __init__(self, account: Account, user: User, but: Environment | None = None) -> None:
        environments = Environment.objects.with_stack_in(account).by_age()
        newest = environments[: ENVIRONMENTS + 1].values_list("pk", flat=True)
        others = [pk for pk in newest if but is None or pk != but.pk]
        rows = Deployment.objects.deployed_in(Environment.objects.in_keys(others))
        self._deployed = [(row.environment, _tagged_of(row)) for row in rows]
        self._user = user

    def _name(self, environment: Environment) -> str:
        return environment.name if can(self._user, Right.VIEW, environment) else ""

    def sides(self, servers: Iterable[TaggedServers]) -> Iterator[DeployedSide]:
        """Yield the targets of the environments' associations, if there are servers for them to match."""
        if any(one.tags for one in servers):
            for environment, (targets, _servers) in self._deployed:
                if targets:
                    yield DeployedSide(environment=self._name(environment), targets=targets)

    def running(self, targets: Iterable[TaggedTargets]) -> Iterator[RunningServer]:
        """Yield the observed servers of the environments that some of the targets match."""
        targets = list(targets)
        for environment, (_targets, servers) in self._deployed:
            tags = {one.path: one.tags for one in servers if any(each.match(one.tags) for each in targets)}
            for path, instance_id in _instances(environment) if tags else ():
                if path in tags:
                    name = self._name(environment)
                    yield RunningServer(instance_id=instance_id, environment=name, tags=tags[path])

    def named(
        self, others: Mapping[str, tuple[TaggedInstance, Environment | None]]
    ) -> Iterator[RunningServer]:
        """Yield servers that EC2 has, with the names of environments that may be shown."""
        for instance_id, (one, environment) in others.items():
            name = self._name(environment) if environment else one.tags.get(NAME_TAG, "")
            yield RunningServer(instance_id=instance_id, environment=name, tags=one.tags)


def _instances(environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield the environment's observed servers, each with the path of what launched it."""
    created = {
        row.physical_id: (row.type, row.path)
        for row in Resource.objects.newest_of(environment)
        if row.type in (GROUP, INSTANCE)
    }
    for physical_id, (kind, path) in created.items():
        if kind == INSTANCE:
            yield path, physical_id
    for instance in FleetInstance.objects.of(environment).present():
        if instance.group in created:
            yield created[instance.group][1], instance.instance_id


def _tagged_of(deployment: Deployment) -> Tagged:
    """Return what the templates of a deployment say; nothing if its set is not stored or cannot be read."""
    try:
        return _stored(deployment.template_digest, tuple(sorted(deployment.parameters.items())))
    except (LookupError, UserFixable):
        return (), ()


@lru_cache(maxsize=2 * ENVIRONMENTS)
def _stored(digest: str, values: tuple[tuple[str, str], ...]) -> Tagged:
    template_set = stored_sets.find(digest)
    if template_set is None:
        raise LookupError(digest)
    return _tagged(template_set, dict(values))


def _tagged(template_set: template_files.TemplateSet, values: Mapping[str, str]) -> Tagged:
    stacks = stacks_of(template_set.side(values))
    return tuple(list(tagged_targets(stacks))[:MOST]), tuple(tagged_servers(stacks))
