"""RDS: Aurora clusters with endpoints of real servers, their instances, roles and passwords."""

from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.rds import (
    api,
    clusters,
    connections,
    databases,
    instances,
    parameter_groups,
    remaining,
    restorable_times,
    roles,
    snapshots,
)


def install() -> None:
    """Install the resource types and the actions."""
    for module in (
        *(api, clusters, instances, parameter_groups, roles, snapshots, restorable_times),
        *(remaining, connections),
    ):
        module.install()
    in_use.databases().prepare()


def reset(account: str | None) -> None:
    """Stop the databases of an account, or all databases."""
    databases.stop_all(account)


def stop() -> None:
    """Stop all databases, without leaving processes or files."""
    databases.stop_all(None)
    in_use.databases().stop()
