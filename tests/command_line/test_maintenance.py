"""The maintenance of databases on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.maintenance import DatabaseMaintenance, PendingMaintenance
from deployments.health.models.observing import Observation
from tests.command_line.portal_in_process import PortalInProcess, Shell


def test_maintenance_is_pairs_and_a_table_or_json(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    forced = datetime(2026, 12, 20, 3, 0, tzinfo=UTC)
    PendingMaintenance.objects.create(
        environment=shop,
        cluster_id="site-cluster",
        instance_id="site-1",
        action="os-upgrade",
        forced_at=forced,
        observed_at=timezone.now(),
    )

    code, table, _ = shell.run("env", "maintenance", "shop")

    assert code == 0
    assert "8.0.mysql_aurora.3.12.0" in table
    assert "standard" in table
    head, row, secrets, managed, own = table.splitlines()[-5:]
    assert secrets.split()[:2] == ["NAME", "CLUSTER"]
    assert (managed.split()[0], own.split()[0]) == ("rds!cluster-0a1b2c3d", "sanso-site-datelog")
    assert head.split()[:2] == ["ACTION", "RESOURCE"]
    assert row.split()[:2] == ["os-upgrade", "site-1"]
    found = json.loads(shell.run("env", "maintenance", "shop", "-o", "json")[1])
    assert found["clusters"][0]["pending"][0]["forced_at"] == "2026-12-20T03:00:00Z"


def test_nothing_pending_and_nothing_read_are_said(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    assert "No pending maintenance." in shell.run("env", "maintenance", "shop")[1]

    DatabaseMaintenance.objects.all().delete()
    problem = Message(
        Code.AWS_DENIED_SHORT, {"action": "rds:DescribeDBEngineVersions", "code": "AccessDenied"}
    )
    Observation.objects.filter(source="maintenance").update(
        problem_code="AccessDenied", problem_sentence=problem.as_json()
    )
    _code, output, errors = shell.run("env", "maintenance", "shop")

    assert "Nothing found." in output
    assert "rds:DescribeDBEngineVersions" in errors
