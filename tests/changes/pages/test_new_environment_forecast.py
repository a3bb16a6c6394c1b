"""The forecast on the form of a new environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.durations import Duration
from tests.builders import make_account, make_deployment, make_environment
from tests.changes.pages.test_new_environment import URL, account
from tests.pages.pages import page

pytestmark = pytest.mark.usefixtures("template_set")
__all__ = ["account"]


def test_a_broken_template_set_has_no_forecast(browser: Client, account: Account, template_set: Path) -> None:
    (template_set / "root.yaml").write_text("Parameters: {Size: [")
    response = browser.get(reverse("environment_expected"), {"account": account.pk})
    assert response.status_code == 503
    assert "root.yaml cannot be read" in response.content.decode()


def test_the_form_displays_the_expected_duration(account: Account, browser: Client) -> None:
    shown = page(browser.get(URL)).one(id="expected")

    assert "Takes about" in shown.text
    assert "first deployment here: estimated from published durations" in shown.text


def test_each_account_has_its_own_forecast(account: Account, browser: Client) -> None:
    make_deployment(make_environment(account=account), state="succeeded")
    deployment = Deployment.objects.get()
    Duration.objects.create(
        account=account,
        deployment=deployment,
        path="",
        type="AWS::CloudFormation::Stack",
        operation="create",
        seconds=300,
    )
    sandbox = make_account("play", is_sandbox=True)

    learned = browser.get(reverse("environment_expected"), {"account": account.pk}).content.decode()
    paced = browser.get(reverse("environment_expected"), {"account": sandbox.pk}).content.decode()

    assert "based on 1 deployment" in learned
    assert "the sandbox&#x27;s time scale" in paced
    assert browser.get(reverse("environment_expected"), {"account": "0"}).status_code == 404


@pytest.mark.parametrize(
    ("submitted", "text"),
    [
        ({}, "76 resources in 9 stacks"),
        ({"parameter_CloudWatchAlarms": "true"}, "82 resources in 10 stacks"),
        ({"parameter_CloudWatchAlarms": "maybe", "parameter_Unknown": "x"}, "76 resources in 9 stacks"),
    ],
)
def test_the_forecast_counts_the_resources_of_the_selected_values(
    account: Account, browser: Client, settings: Any, submitted: dict[str, str], text: str
) -> None:
    settings.SANSO_TEMPLATE_SET = settings.BASE_DIR / "infra_templates"

    shown = browser.get(reverse("environment_expected"), {"account": str(account.pk)} | submitted)

    assert text in " ".join(shown.content.decode().split())


def test_one_resource_in_one_stack_is_counted_in_the_singular(
    account: Account, browser: Client, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "root.yaml").write_text("Resources: {Topic: {Type: AWS::SNS::Topic}}")
    settings.SANSO_TEMPLATE_SET = tmp_path

    shown = browser.get(reverse("environment_expected"), {"account": str(account.pk)})

    assert "1 resource in 1 stack<" in shown.content.decode()
