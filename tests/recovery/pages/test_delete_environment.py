"""Deleting an environment: the page lists the resources, and the name must be typed."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import make_deployment, make_environment, make_resource, make_stack
from tests.pages.pages import page

DATABASE = """
Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Snapshot
    Properties:
      Engine: aurora-mysql
      EnableCloudwatchLogsExports: [error]
"""


def url(environment: Environment) -> str:
    return reverse("environment_delete", args=[environment.pk])


def typed(name: str, **changes: str) -> dict[str, str]:
    return {"typed_name": name, "reason": "no longer needed", "request_key": str(uuid.uuid4())} | changes


@pytest.fixture
def environment(db: None) -> Environment:
    environment = make_environment("staging", stack_id="arn:stack", stack_status="CREATE_COMPLETE")
    deployment = make_deployment(environment, state="succeeded")
    root = make_stack(deployment)
    network = make_stack(deployment, "Network", root)
    make_resource(root, "Network", type="AWS::CloudFormation::Stack")
    make_resource(network, "SubnetA", type="AWS::EC2::Subnet")
    make_resource(network, "SubnetB", type="AWS::EC2::Subnet")
    make_resource(network, "Vpc", type="AWS::EC2::VPC")
    make_resource(network, "Never", type="AWS::EC2::EIP", status="")
    return environment


def test_resources_to_be_deleted_are_counted_by_type(browser: Client, environment: Environment) -> None:
    shown = page(browser.get(url(environment))).one("main")

    assert "3 resources" in shown.text
    assert "2 stacks" in shown.text
    assert [row.text for row in shown.one("tbody").all("tr")] == ["AWS::EC2::Subnet 2", "AWS::EC2::VPC 1"]


def test_resources_of_an_earlier_deletion_are_not_counted_again(
    browser: Client, environment: Environment
) -> None:
    attempt = make_deployment(environment, kind="delete", state="failed")
    network = make_stack(attempt, "Network", make_stack(attempt))
    make_resource(network, "SubnetA", type="AWS::EC2::Subnet", status="DELETE_COMPLETE")
    make_resource(network, "SubnetB", type="AWS::EC2::Subnet", status="DELETE_FAILED")

    shown = page(browser.get(url(environment))).one("main")

    assert [row.text for row in shown.one("tbody").all("tr")] == ["AWS::EC2::Subnet 1", "AWS::EC2::VPC 1"]


def test_the_typed_name_leads_to_the_deployment_that_deletes(
    browser: Client, environment: Environment, operator: User
) -> None:
    response = browser.post(url(environment), typed("staging"))

    deployment = Deployment.objects.get(kind="delete")
    assert response["Location"] == deployment.get_absolute_url()
    assert (deployment.requested_by, deployment.reason) == (operator, "no longer needed")


@pytest.mark.parametrize("name", ["Staging", "stagin", "", "staging2"])
def test_another_name_deletes_nothing(browser: Client, environment: Environment, name: str) -> None:
    response = browser.post(url(environment), typed(name))

    shown = page(response)
    assert response.status_code == 422
    assert shown.one(id="id_typed_name")["aria-invalid"] == "true"
    assert shown.one(role="alert").all("a")[0]["href"] == "#id_typed_name"
    assert shown.one(id="id_reason")["value"] == "no longer needed"
    assert not Deployment.objects.filter(kind="delete").exists()


def test_the_same_form_sent_twice_is_one_delete(browser: Client, environment: Environment) -> None:
    form = typed("staging")

    first, second = browser.post(url(environment), form), browser.post(url(environment), form)

    assert first["Location"] == second["Location"]
    assert Deployment.objects.filter(kind="delete").count() == 1


def test_while_it_is_being_changed_there_is_nothing_to_type(
    browser: Client, environment: Environment
) -> None:
    make_deployment(environment, state="stacks", kind="delete")

    shown = page(browser.get(url(environment))).one("main")
    response = browser.post(url(environment), typed("staging"))

    assert "You can delete it when the deployment has finished" in shown.text
    assert not shown.all("form")
    assert response.status_code == 422


def test_a_deleted_environment_cannot_be_deleted_again(browser: Client) -> None:
    gone = make_environment("gone", deleted_at=timezone.now())

    assert "has already been deleted" in page(browser.get(url(gone))).one("main").text
    assert browser.post(url(gone), typed("gone")).status_code == 422


def test_an_environment_without_a_stack_says_that_nothing_is_there(browser: Client) -> None:
    environment = make_environment("never")
    make_deployment(environment, state="failed")

    assert "nothing to delete in AWS" in page(browser.get(url(environment))).one("main").text


def test_log_groups_of_functions_are_predicted_from_the_resources_that_exist(
    browser: Client, environment: Environment
) -> None:
    """The template set may have changed since."""
    assert environment.latest
    root = environment.latest.stacks.get(path="")
    function = {"type": "AWS::Lambda::Function"}
    make_resource(root, "Alone", physical_id="alone-1", **function)
    make_resource(root, "Deleted", physical_id="deleted-1", status="DELETE_COMPLETE", **function)
    make_resource(root, "Named", physical_id="named-1", **function)
    make_resource(root, "NamedLogs", type="AWS::Logs::LogGroup", physical_id="/aws/lambda/named-1")
    make_resource(root, "Other", physical_id="other-1", depends_on=[["OtherLogs", "Ref"]], **function)
    make_resource(root, "OtherLogs", type="AWS::Logs::LogGroup", physical_id="logs-of-other")

    shown = page(browser.get(url(environment))).one("main").text

    assert "/aws/lambda/alone-1" in shown
    for name in ("deleted-1", "named-1", "other-1"):
        assert f"/aws/lambda/{name}" not in shown


def test_remaining_resources_follow_the_deployed_templates_and_not_an_open_preview(
    browser: Client, environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "database.yaml").write_text(DATABASE, encoding="utf-8")
    deployed = template_files.load(tmp_path)
    stored_sets.keep(deployed)
    creation = environment.latest
    assert creation
    make_resource(creation.stacks.get(path=""), "Cluster", type="AWS::RDS::DBCluster", physical_id="data-1")
    uploaded = {"artifact_bucket": "artifacts", "artifact_prefix": "sanso"}
    Deployment.objects.filter(pk=creation.pk).update(
        template_digest=deployed.digest, last_phase="ready", **uploaded
    )
    Deployment.objects.create(
        environment=environment,
        kind="update",
        state="preview",
        last_phase="change_set",
        requested_by=environment.owner,
        template_digest="f" * 64,
        **uploaded,
    )

    shown = page(browser.get(url(environment))).one("main").text

    assert "Its DeletionPolicy is Snapshot" in shown
    assert "/aws/rds/cluster/data-1/*" in shown
