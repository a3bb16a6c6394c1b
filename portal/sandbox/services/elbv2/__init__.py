"""Elastic Load Balancing v2: network and application load balancers, their interfaces, targets and health."""


def install() -> None:
    """Put the resource types and actions in place."""
    from portal.sandbox.services.elbv2 import (
        listeners,
        load_balancer_api,
        load_balancers,
        target_groups,
        targets,
    )

    for module in (load_balancers, load_balancer_api, listeners, target_groups, targets):
        module.install()
