"""Scenes of the later release on the set that it ships: releases to servers, phases after the stacks."""

from __future__ import annotations

from tests.upgrade.later import Later
from tests.upgrade.scenes_full import AWS_PACE, GRACE, PRINTED, TRIAL

FIRST = ("full", 0)


def _deployed(later: Later, name: str) -> None:
    parameters = {**TRIAL, "ConfigurationTimeoutSeconds": GRACE, "AppHealthCheck": "http"}
    later.ends(later.create(name, version=FIRST, parameters=parameters), "succeeded")


def released(later: Later) -> None:
    """A release that fails on a server, and one that cannot send its command."""
    name = "released"
    _deployed(later, name)
    server = later.servers(name, "uwsgi")[0]
    faults = {f"sanso-{name}-app-servers": {"on": [server], "stdout": PRINTED, "stderr": "exit status 2"}}
    later.fault(name, associations=faults)
    later.ends(later.apply(later.preview(name, template_version=later.versions["full"][1])), "failed")
    later.no_fault(name)
    change = later.preview(name, template_version=later.versions["full"][1])
    later.fail_calls(name, "ssm", "SendCommand")
    later.apply(change)
    later.wait_for_state(change, "servers")
    later.needs_attention(change)
    degrade(later, name)


def degrade(later: Later, name: str) -> None:
    """Break one of the web servers."""
    later.act(name, later.servers(name, "httpd")[0], "break-service")
    sql = "SELECT 1 FROM deployments_environment WHERE name = ? AND health_word = 'degraded'"
    later.wait_for(f"{name} is degraded", lambda: bool(later.release.rows(sql, (name,))))


def change_after_stacks(later: Later) -> None:
    """Changes whose end is not waited for any more, and one that waits for its configuration."""
    name = "change-at-configuration"
    _deployed(later, name)
    change = _at_configuration(later, name, "90")
    later.on(change, "cancel")
    later.ends(change, "canceled", "succeeded")
    later.no_fault(name)
    _at_configuration(later, name, "60")


def _at_configuration(later: Later, name: str, days: str) -> int:
    change = later.preview(name, parameters={"LogRetentionDays": days})
    later.fail_calls(name, "ssm", "DescribeAssociation")
    later.apply(change)
    later.wait_for_state(change, "configuration")
    return change


def change_at_traffic(later: Later) -> None:
    """A change that waits for targets that are unhealthy."""
    name = "change-at-traffic"
    _deployed(later, name)
    change = _at_configuration(later, name, "60")
    later.pace(name, AWS_PACE)  # so slow that the group does not replace them before they are seen
    for server in later.servers(name, "httpd"):
        later.act(name, server, "break-service")
    sql = (
        "SELECT 1 FROM deployments_target t JOIN deployments_environment e ON e.id = t.environment_id"
        " WHERE e.name = ? AND t.tier = 'web' AND t.state = 'unhealthy'"
    )
    later.wait_for(f"targets of {name} are unhealthy", lambda: len(later.release.rows(sql, (name,))) == 2)
    later.no_fault(name)
    later.wait_for_state(change, "traffic")


def change_at_ready(later: Later) -> None:
    """A change that waits for a database that does not answer."""
    name = "change-at-ready"
    _deployed(later, name)
    change = _at_configuration(later, name, "60")
    later.freeze(name)
    later.no_fault(name)
    later.wait_for_state(change, "ready")


SCENES = {
    "released": released,
    "change-at-configuration": change_after_stacks,
    "change-at-traffic": change_at_traffic,
    "change-at-ready": change_at_ready,
}
