"""Restore data beside a database, and switch between the two, on the command line and by the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import make_deployment
from tests.changes.pages.test_second_database import EMPTIED, MANIFEST, ONE, ONLY_B, PARAMETERS, SWITCHED, TWO
from tests.command_line.portal_in_process import PortalInProcess, Shell

RESTORE = ("env", "restore", "shop", "--plan")


@pytest.fixture
def source(shop: Environment, tmp_path: Path) -> Environment:
    """A deployed environment with one database."""
    root = tmp_path / "set" / "root.yaml"
    root.write_text(root.read_text().replace("Resources:\n", PARAMETERS.lstrip("\n")))
    (tmp_path / "set" / "template-set.yaml").write_text(MANIFEST)
    current = template_files.load(tmp_path / "set")
    stored_sets.keep(current)
    values = {**shop.parameters, **ONE}
    Environment.objects.filter(pk=shop.pk).update(parameters=values)
    make_deployment(
        shop, state="succeeded", last_phase="ready", parameters=values, template_digest=current.digest
    )
    return shop


def requested(environment: Environment) -> dict[str, str]:
    """Return the values of the second database in the change that was requested."""
    found = Deployment.objects.filter(environment=environment, kind="update").latest("pk")
    return {name: found.parameters[name] for name in ONE}


def test_a_snapshot_is_restored_beside_the_database(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    code, _output, errors = shell.run(*RESTORE, "--snapshot", "kept")

    assert code == 2, errors
    assert requested(source) == TWO


def test_a_second_is_restored_beside_the_database(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    latest = timezone.now() - timedelta(minutes=5)
    DatabaseCluster.objects.update(
        cluster_id="sanso-shop",
        earliest_restorable_at=latest - timedelta(days=1),
        latest_restorable_at=latest,
    )
    at = latest - timedelta(hours=1)

    code, _output, errors = shell.run(*RESTORE, "--restore-to", f"{at:%Y-%m-%d %H:%M:%S%z}")

    assert code == 2, errors
    data = {"Snapshot": "", "Source": "sanso-shop", "Time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    assert requested(source) == TWO | data


def test_it_needs_data_and_no_second_database(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    _code, _output, errors = shell.run(*RESTORE)
    assert "Give either --snapshot or --restore-to." in errors

    Environment.objects.filter(pk=source.pk).update(parameters={**source.parameters, **TWO})
    _code, _output, errors = shell.run(*RESTORE, "--snapshot", "kept")
    assert "already has a second database" in errors


def test_the_servers_are_switched(portal: PortalInProcess, shell: Shell, source: Environment) -> None:
    switch = ("env", "switch-database", "shop", "--plan", "--to")
    _code, _output, errors = shell.run(*switch, "B")
    assert "has only one database" in errors
    two = {**source.parameters, **ONE, **TWO}
    Environment.objects.filter(pk=source.pk).update(parameters=two)
    Deployment.objects.filter(environment=source).update(parameters=two)
    _code, _output, errors = shell.run(*switch, "A")
    assert "already use database A" in errors
    _code, _output, errors = shell.run(*switch, "C")
    assert "'A' or 'B'" in errors
    assert not Deployment.objects.filter(environment=source, kind="update").exists()

    code, _output, errors = shell.run(*switch, "b")

    assert code == 2, errors
    assert requested(source) == TWO | {"InUse": "B", "Unprotected": "none"}


def test_a_database_is_deleted_by_the_same_command_twice(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    delete = ("env", "delete-database", "shop", "--plan", "--database")
    _code, _output, errors = shell.run(*delete, "A")
    assert "has only one database" in errors
    for before, after in ((SWITCHED, EMPTIED), (EMPTIED, ONLY_B)):
        values = {**source.parameters, **before}
        Environment.objects.filter(pk=source.pk).update(parameters=values)
        Deployment.objects.filter(environment=source, kind="create").update(parameters=values)
        _code, _output, errors = shell.run(*delete, "B")
        assert "The servers use database B" in errors

        code, _output, errors = shell.run(*delete, "a")

        assert code == 2, errors
        assert requested(source) == after


def test_a_database_whose_deletion_has_begun_is_kept(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    values = {**source.parameters, **EMPTIED}
    Environment.objects.filter(pk=source.pk).update(parameters=values)
    Deployment.objects.filter(environment=source).update(parameters=values)
    _code, _output, errors = shell.run("env", "keep-database", "shop", "--plan", "--database", "B")
    assert "The deletion of database B has not begun" in errors

    code, _output, errors = shell.run("env", "keep-database", "shop", "--plan", "--database", "A")

    assert code == 2, errors
    assert requested(source) == SWITCHED
