"""The metrics of databases on the command line."""

from __future__ import annotations

import json

from deployments.environments.models.environments import Environment
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.health_builders import make_failover, make_metrics


def test_metrics_are_a_table_of_periods_and_one_of_failovers_or_json(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    make_metrics(shop, (300, 12, 3, 8.0), (60, 20, None, 17.4))
    make_failover(shop, 30)

    code, table, _ = shell.run("env", "metrics", "shop")

    assert code == 0
    head, period, failovers, failover = table.splitlines()
    assert head.split()[:3] == ["START", "WRITER", "CONNECTIONS"]
    assert period.split()[-1] == "17.4"
    assert failovers.split()[0] == "AT"
    assert failover.split()[-2:] == ["site-2", "site-1"]
    found = json.loads(shell.run("env", "metrics", "shop", "--hours", "6", "-o", "json")[1])
    assert [one["writer_connections"] for one in found["clusters"][0]["periods"]] == [12.0, 20.0]


def test_without_metrics_nothing_is_found(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    assert "Nothing found." in shell.run("env", "metrics", "shop")[1]
