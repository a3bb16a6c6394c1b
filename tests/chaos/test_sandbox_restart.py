"""A restarted sandbox has lost everything: the portal reports that, and how to continue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from tests.builders import make_operator
from tests.message_texts import reason
from tests.running import Portal, delete_outside, new_account
from tests.services import Sandbox, start_sandbox, wait_until

RESTARTED = "The sandbox was restarted, and a sandbox keeps nothing across a restart"


@pytest.fixture(scope="module")
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that no other test uses at the same time."""
    server = start_sandbox(tmp_path_factory.mktemp("sandbox"), machines="records")
    yield server
    server.stop()


@pytest.fixture
def sandbox(own_sandbox: Sandbox, settings: Settings) -> Sandbox:
    settings.SANSO_SANDBOX_URL = own_sandbox.url
    settings.SANSO_SANDBOX_TOKEN_FILE = own_sandbox.token_file
    return own_sandbox


@pytest.fixture
def process_environment(process_environment: dict[str, str], own_sandbox: Sandbox) -> dict[str, str]:
    return process_environment | own_sandbox.portal_settings


def text_of_page(environment: Environment) -> str:
    """Return the environment's page for an operator, on one line."""
    operator = make_operator()
    browser = Client()
    browser.force_login(operator)
    return " ".join(browser.get(environment.get_absolute_url()).content.decode().split())


def looked_for(environment: Environment) -> Environment:
    """Wait until the portal has recorded that the stack is missing, and return the environment."""

    def seen() -> bool:
        return Environment.objects.filter(pk=environment.pk).exclude(missing_since=None).exists()

    wait_until(seen, what="the missing stack on the environment's row")
    return Environment.objects.for_page().get(pk=environment.pk)


def test_an_environment_that_the_sandbox_forgot_says_so_and_can_be_created_again(
    portal: Portal, sandbox: Sandbox
) -> None:
    (deployment,) = portal.wait_for_end(portal.deploy())
    assert deployment.state == State.SUCCEEDED
    sandbox.restart()
    Environment.objects.update(due_at=timezone.now())

    environment = looked_for(deployment.environment)

    page = text_of_page(environment)
    assert "The sandbox was restarted" in page
    assert "create the environment again with the same values" in page
    for wrong in ("outside of Sanso", "Nothing was created", "have no servers"):
        assert wrong not in page
    again = portal.deploy(account=environment.account)
    assert again.environment_id == environment.pk
    (ended,) = portal.wait_for_end(again)
    assert ended.state == State.SUCCEEDED
    environment.refresh_from_db()
    assert (environment.missing_since, environment.missing_code) == (None, "")


@pytest.mark.parametrize("point", ["artifacts.uploaded", "stacks.started"])
def test_a_deployment_whose_sandbox_was_restarted_ends_with_that_reason(
    portal: Portal, sandbox: Sandbox, point: str
) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": 1}, account=account.sandbox_account_id)
    deployment = held_at(portal, account, point)
    sandbox.restart()
    portal.start()

    (ended,) = portal.wait_for_end(deployment)

    assert (ended.state, ended.error_code) == (State.FAILED, "SandboxRestarted")
    assert reason(ended).startswith(RESTARTED)
    page = text_of_page(ended.environment)
    assert RESTARTED in page
    for wrong in ("outside of Sanso", "Nothing was created", "have no servers"):
        assert wrong not in page


def held_at(portal: Portal, account: Account, point: str) -> Deployment:
    """Deploy until the event with code `point`, and kill the worker there."""
    deployment = portal.deploy(account=account)
    wait_until(lambda: Event.objects.of(deployment).filter(code=point).exists(), what=point)
    portal.worker.kill()
    return deployment


def test_a_stack_that_somebody_deleted_in_the_sandbox_was_deleted_outside_of_sanso(
    portal: Portal, sandbox: Sandbox
) -> None:
    (deployment,) = portal.wait_for_end(portal.deploy())
    delete_outside(deployment, sandbox)
    Environment.objects.update(due_at=timezone.now())

    environment = looked_for(deployment.environment)

    assert environment.missing_code == "StackGone"
    assert "It was deleted outside of Sanso" in text_of_page(environment)
