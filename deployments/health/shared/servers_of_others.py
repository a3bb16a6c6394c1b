"""Which of some servers are those of another environment."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.aws.ec2 import TaggedInstance
from deployments.environments.models.environments import Environment
from deployments.health.models.fleet import FleetInstance
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG


def others_among(
    environment: Environment, found: Iterable[TaggedInstance]
) -> dict[str, tuple[TaggedInstance, Environment | None]]:
    """Return those of the servers that are not the environment's, by id, each with its environment.

    A server that is not of an environment of this portal has None.
    """
    servers = {one.instance_id: one for one in found}
    rows = FleetInstance.objects.in_account(environment.account, list(servers))
    environments = {row.instance_id: row.environment for row in rows.select_related("environment")}
    live = Environment.objects.live().in_account(environment.account_id)
    by_key = {str(one.key): one for one in live} if servers else {}
    others = {}
    for instance_id, one in servers.items():
        key = one.tags.get(ENVIRONMENT_TAG, "")
        other = environments.get(instance_id) or by_key.get(key)
        if key != str(environment.key) and (other is None or other.pk != environment.pk):
            others[instance_id] = one, other
    return others
