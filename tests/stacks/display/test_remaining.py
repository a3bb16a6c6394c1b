"""Remaining resources on the pages, and their deletion; the runner's deletion writes the rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, Backup
from deployments.common.errors import AwsAccessError, AwsRejected
from deployments.common.models import leases
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.stacks import Resource
from deployments.steps import step
from tests.builders import make_deployment
from tests.fakes import FakeAws
from tests.pages.pages import page
from tests.stepping import (
    aws,  # noqa: F401  # fixtures
    deployment,  # noqa: F401  # fixtures
    run,  # fixtures
    template_set,  # noqa: F401  # fixtures
)


def searched(aws: FakeAws) -> None:  # noqa: F811
    """Run the due steps, as a worker does."""
    rows = ActionRequest.objects.active()
    rows.update(due_at=timezone.now() - timedelta(seconds=1))
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        step.run_action_request(pk, version, aws)


@pytest.fixture
def deleted(deployment: Deployment, aws: FakeAws) -> Environment:  # noqa: F811
    """A deleted environment whose database has left a snapshot; nothing has been searched for yet."""
    aws.types = {"Vpc": "AWS::RDS::DBCluster"}
    run(deployment, aws)
    cluster = Resource.objects.of_deployment(deployment).get(logical_id="Vpc").physical_id
    aws.backups[cluster] = [Backup(type=CLUSTER_SNAPSHOT, id="final", arn="arn:final", kind="manual")]
    ended = run(make_deployment(deployment.environment, kind="delete", unprotect=True), aws)
    return Environment.objects.for_page().get(pk=ended.environment_id)


def remaining(browser: Client, environment: Environment) -> str:
    latest = environment.latest
    assert latest
    return page(browser.get(latest.get_absolute_url())).one(id="remaining").text


def test_until_the_search_has_ended_nothing_is_claimed(browser: Client, deleted: Environment) -> None:
    shown = remaining(browser, deleted)

    assert "Searching AWS for what remains…" in shown
    assert "nothing" not in shown.lower()


def test_remaining_resources_are_listed_with_what_is_billed(
    browser: Client,
    deleted: Environment,
    aws: FakeAws,  # noqa: F811
) -> None:
    searched(aws)

    shown = page(browser.get(deleted.get_absolute_url())).one(id="remaining")

    assert "2 resources remain in AWS and are billed." in shown.text
    first = shown.one("tbody").all("tr")[0].text
    assert first == "AWS::RDS::DBClusterSnapshot final Billed Snapshot of the database."
    assert remaining(browser, deleted).startswith("What remains in AWS")


def test_the_list_is_in_japanese_too(browser: Client, deleted: Environment, aws: FakeAws) -> None:  # noqa: F811
    searched(aws)

    response = browser.get(deleted.get_absolute_url(), headers={"Accept-Language": "ja"})

    shown = page(response).one(id="remaining").text
    assert "AWS に 2 件のリソースが残っており、すべて課金対象です。" in shown


def test_a_service_that_was_not_searched_is_named(
    browser: Client,
    deleted: Environment,
    aws: FakeAws,  # noqa: F811
) -> None:
    aws.backups.clear()
    aws.fail("tag:GetResources", AwsAccessError("AccessDenied", "no", "tag:GetResources"))
    searched(aws)

    shown = remaining(browser, deleted)

    assert "Resource Groups Tagging API was not searched: AWS denied tag:GetResources" in shown


def url(environment: Environment, name: str = "environment_remaining") -> str:
    return reverse(name, args=[environment.pk])


def test_chosen_resources_are_deleted_after_the_name_is_typed(
    browser: Client,
    deleted: Environment,
    aws: FakeAws,  # noqa: F811
) -> None:
    searched(aws)
    chosen = f"{CLUSTER_SNAPSHOT}|final"

    for answer in ({"resources": chosen, "typed_name": "wrong"}, {"typed_name": "staging"}, {}):
        response = browser.post(url(deleted), answer)
        assert response.status_code == 422
        assert page(response).one(role="alert").text
    assert browser.post(url(deleted), {"resources": "x|y", "typed_name": "staging"}).status_code == 422
    assert not ActionRequest.objects.active().exists()

    response = browser.post(url(deleted), {"resources": chosen, "typed_name": "staging"})
    assert response["Location"] == deleted.get_absolute_url()
    searched(aws)
    searched(aws)
    assert "1 resource remains in AWS" in remaining(browser, deleted)


def test_a_new_search_is_requested_from_the_page(
    browser: Client,
    deleted: Environment,
    aws: FakeAws,  # noqa: F811
) -> None:
    searched(aws)
    aws.backups.clear()

    browser.post(url(deleted, "environment_remaining_search"))
    assert "Searching…" in remaining(browser, deleted)
    assert "2 resources" in remaining(browser, deleted)  # the previous result, until the search has ended
    searched(aws)

    assert "1 resource remains in AWS" in remaining(browser, deleted)


@pytest.mark.parametrize(
    "name", ["environment_remaining", "environment_remaining_search", "environment_protect"]
)
def test_who_may_only_look_can_change_nothing(viewer: Client, deleted: Environment, name: str) -> None:
    assert viewer.post(url(deleted, name)).status_code == 403


def test_protection_is_retried_only_where_it_failed(
    browser: Client,
    deployment: Deployment,  # noqa: F811
    aws: FakeAws,  # noqa: F811
    operator: User,
) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(protection="wanted")  # as the form sends it
    operation = "cloudformation:UpdateTerminationProtection"
    aws.fail(operation, AwsRejected("ValidationError", "no", operation))
    ended = run(deployment, aws)
    assert (ended.state, ended.protection) == ("succeeded", "failed")
    environment = Environment.objects.for_page().get(pk=ended.environment_id)

    shown = page(browser.get(environment.get_absolute_url())).one(id="protection")
    assert "Not protected" in shown.text
    assert shown.one("button").text == "Retry"
    browser.post(url(environment, "environment_protect"))
    assert ActionRequest.objects.get(kind="protect").asked_by == operator
    searched(aws)

    address = url(environment, "environment_configuration")
    shown = page(browser.get(address)).one(id="protection")
    assert "Protected" in shown.text
    assert not shown.all("button")
