"""Elastic Load Balancing v2: network and application load balancers, their interfaces, targets and health."""

from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.elbv2 import (
    access_logs,
    forwarding,
    listeners,
    load_balancer_api,
    load_balancers,
    target_groups,
    target_health,
    targets,
)


def install() -> None:
    """Install the resource types and actions, and start to serve all listeners."""
    modules = (
        load_balancers,
        load_balancer_api,
        access_logs,
        listeners,
        target_groups,
        targets,
        target_health,
    )
    for module in modules:
        module.install()
    in_use.balancers().start(forwarding)


def reset(account: str | None) -> None:
    """Delete the health checks of an account, or of all accounts."""
    target_health.reset(account)


def stop() -> None:
    """Close all listeners and stop health checks."""
    in_use.balancers().stop()
    target_health.stop()
