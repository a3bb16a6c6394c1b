"""The servers of an environment among the targets of its association, which others may have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from deployments.aws.ec2 import TaggedInstance
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsRetryable
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.health.shared.servers_of_others import others_among

_TAG, _IDS = "tag:", "InstanceIds"


def own_targets(environment: Environment, association_id: str, clients: Clients) -> list[str] | None:
    """Return the environment's own servers if the association also targets servers of others, else None.

    Targets that are not tags, and tags without access to EC2, are judged by the servers on which it ran.
    """
    found = clients.ssm.associations([association_id])
    targets = found[0].targets if found else {}
    tagged = _tagged(environment, targets, clients)
    if tagged is not None:
        ids = {one.instance_id for one in tagged}
        others: Collection[str] = others_among(environment, tagged)
    else:
        runs = AssociationRun.objects.of(environment).of_association(association_id).newest_of_each()
        ids = {*runs.values_list("instance_id", flat=True), *targets.get(_IDS, ())}
        others = FleetInstance.objects.of_others(environment, ids)
    return sorted(ids.difference(others)) if others else None


def _tagged(
    environment: Environment, targets: Mapping[str, tuple[str, ...]], clients: Clients
) -> list[TaggedInstance] | None:
    """Return the servers that have the tags of the targets; None if EC2 does not say which these are.

    A tag with the name of the environment's stack is on its own servers: there are none to look for.
    """
    if any(values == (environment.stack_name,) for values in targets.values()):
        return []
    if not targets or not all(key.startswith(_TAG) for key in targets):
        return None
    try:
        return clients.ec2.tagged_instances(
            {key.removeprefix(_TAG): values for key, values in targets.items()}
        )
    except AwsRetryable:
        raise
    except AwsFailure:
        return None
