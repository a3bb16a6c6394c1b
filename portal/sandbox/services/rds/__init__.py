"""RDS: Aurora clusters whose endpoints lead to a real server, their instances, roles and passwords."""

from portal.sandbox.protocols import in_use
from portal.sandbox.services.rds import (
    api,
    clusters,
    databases,
    instances,
    parameter_groups,
    remaining,
    roles,
)


def install() -> None:
    """Put the resource types and the actions in place."""
    for module in (api, clusters, instances, parameter_groups, roles, remaining):
        module.install()
    in_use.databases().prepare()


def reset(account: str | None) -> None:
    """Stop the databases of an account, or all."""
    databases.stop_all(account)


def stop() -> None:
    """Stop every database; none of its processes or files stays."""
    databases.stop_all(None)
    in_use.databases().stop()
