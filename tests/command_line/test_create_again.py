"""A new environment with the data of a snapshot or of a point in time, on the command line and by the API."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from deployments.access.rules.roles import Right
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.database import DatabaseCluster
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import disallow, make_deployment
from tests.command_line.portal_in_process import PortalInProcess, Shell

SNAPSHOT = "sanso-shop-final"
DEPLOY = ("env", "deploy", "shop-2", "--data-of", "shop", "--snapshot", SNAPSHOT, "--no-wait", "-p")
PASSWORD = "Password=long enough"


@pytest.fixture
def source(shop: Environment, tmp_path: Path) -> Environment:
    """A deployed environment; the certificate of its set stands for the parameter of the snapshot."""
    folder = tmp_path / "set"
    (folder / "template-set.yaml").write_text("root: root.yaml\nsnapshot_parameter: Certificate\n")
    current = template_files.load(folder)
    stored_sets.keep(current)
    values = {**shop.parameters, "Count": "5"}
    make_deployment(
        shop, state="succeeded", last_phase="ready", parameters=values, template_digest=current.digest
    )
    return shop


def test_it_gets_the_parameters_and_the_data_of_the_other_one(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    code, _output, errors = shell.run(*DEPLOY, PASSWORD, "-p", "Size=large")

    assert code == 0, errors
    created = Deployment.objects.get(environment__name="shop-2")
    assert created.environment.account_id == source.account_id
    assert {name: created.parameters[name] for name in ("Count", "Size", "Certificate")} == {
        "Count": "5",
        "Size": "large",
        "Certificate": SNAPSHOT,
    }


def test_the_data_of_an_environment_is_only_for_those_who_may_change_it(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    disallow(source.owner, Right.CHANGE.partition(".")[2])

    code, _output, errors = shell.run(*DEPLOY, PASSWORD)

    assert code != 0
    assert "change" in errors.lower()
    assert not Environment.objects.filter(name="shop-2").exists()


def test_a_set_that_cannot_restore_is_refused(
    portal: PortalInProcess, shell: Shell, source: Environment, tmp_path: Path
) -> None:
    (tmp_path / "set" / "template-set.yaml").write_text("root: root.yaml\n")
    Deployment.objects.filter(environment=source).update(template_digest="gone")

    code, _output, errors = shell.run(*DEPLOY, PASSWORD)

    assert code != 0
    assert "cannot restore a snapshot" in errors


def test_environment_and_snapshot_belong_together_and_are_for_new_environments(
    portal: PortalInProcess, shell: Shell, source: Environment
) -> None:
    _code, _output, errors = shell.run("env", "deploy", "shop-2", "--snapshot", SNAPSHOT)
    assert "Give --data-of together with --snapshot or --restore-to." in errors
    _code, _output, errors = shell.run("env", "deploy", "shop", "--data-of", "shop", "--snapshot", SNAPSHOT)
    assert "shop exists already" in errors


def test_it_gets_the_data_of_a_second(
    portal: PortalInProcess, shell: Shell, source: Environment, tmp_path: Path
) -> None:
    set_at_a_time(source, tmp_path / "set")
    latest = timezone.now() - timedelta(minutes=5)
    DatabaseCluster.objects.update(
        cluster_id="sanso-shop",
        earliest_restorable_at=latest - timedelta(days=1),
        latest_restorable_at=latest,
    )
    at = latest - timedelta(hours=1)

    to_time = ("env", "deploy", "shop-2", "--data-of", "shop", "--no-wait", "-p", PASSWORD, "--restore-to")
    code, _output, errors = shell.run(*to_time, f"{at:%Y-%m-%d %H:%M:%S%z}")

    assert code == 0, errors
    created = Deployment.objects.get(environment__name="shop-2")
    assert created.parameters["Certificate"] == "sanso-shop"
    assert created.parameters["Time"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert created.parameters["Count"] == "5"

    _code, _output, errors = shell.run(
        *("env", "deploy", "shop-3", *to_time[3:]), f"{timezone.now():%Y-%m-%dT%H:%M:%S%z}"
    )
    assert "RDS cannot restore sanso-shop to" in errors
    _code, _output, errors = shell.run(*to_time, f"{at:%Y-%m-%d %H:%M:%S%z}", "--snapshot", SNAPSHOT)
    assert "Give either --snapshot or --restore-to." in errors


def set_at_a_time(source: Environment, folder: Path) -> None:
    """Let the set of an environment restore to a point in time."""
    root = folder / "root.yaml"
    root.write_text(root.read_text().replace("Resources:", "  Time: {Type: String, Default: ''}\nResources:"))
    (folder / "template-set.yaml").write_text(
        "root: root.yaml\npoint_in_time_parameters: {cluster: Certificate, time: Time}\n"
    )
    current = template_files.load(folder)
    stored_sets.keep(current)
    Deployment.objects.filter(environment=source).update(template_digest=current.digest)
