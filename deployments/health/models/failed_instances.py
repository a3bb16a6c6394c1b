"""The instances on which the latest run of an association failed."""

from __future__ import annotations

from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.health.rules.aws_statuses import RUN_FAILED, RUN_SKIPPED


def failed_instances(environment: Environment, association_pk: int) -> list[str]:
    """Return the environment's instances on which the association's last run failed or was skipped.

    Servers of other environments, which its tags may match, are left out.
    """
    runs = AssociationRun.objects.filter(association=association_pk).newest_of_each()
    failed = set(runs.filter(status__in=RUN_FAILED | RUN_SKIPPED).values_list("instance_id", flat=True))
    return sorted(failed - FleetInstance.objects.of_others(environment, failed))
