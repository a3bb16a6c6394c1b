"""From a Git repository to an environment in a browser. Everything except AWS is real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets.models.sources import TemplateSource
from tests.flows.test_pages import faults
from tests.git_server import GitRepository, GitServer, git_server
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import LIMIT, Redis, Sandbox

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]
MANIFEST = "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A bare repository with a small template set, tagged v1."""
    found = GitRepository(tmp_path / "served" / "shop.git")
    found.commit({"infra/root.yaml": ROOT, "infra/template-set.yaml": MANIFEST}, "Add a topic")
    found.tag("v1")
    return found


@pytest.fixture
def git(tmp_path: Path, repository: GitRepository) -> Iterator[GitServer]:
    """A Git server that requires a token."""
    with git_server(tmp_path / "served", token="read only") as running:
        yield running


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, tmp_path: Path, git: GitServer
) -> Iterator[Portal]:
    """A portal that is allowed to fetch from loopback."""
    more = {"SANSO_DATA_DIR": str(tmp_path / "data"), "SANSO_SOURCE_ADDRESSES": "127.0.0.0/8"}
    running = Portal(process_environment | more, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


def add(page: Page, git: GitServer) -> TemplateSource:
    page.goto("/template-sets/")
    page.get_by_role("link", name="New template set").click()
    assert faults(page) == []
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_label("Address").fill(git.url("shop"))
    page.get_by_label("Folder").fill("infra")
    page.get_by_label("Username").fill("reader")
    page.get_by_label("Access token").fill("read only")
    page.get_by_role("button", name="Add template set").click()
    expect(page.get_by_role("heading", name="shop")).to_be_visible()
    return TemplateSource.objects.get(name="shop")


def test_a_repository_is_added_fetched_and_deployed_and_the_environment_outlives_it(
    portal: Portal, own_page: Page, git: GitServer, repository: GitRepository
) -> None:
    page = own_page
    account = new_account()
    source = add(page, git)
    expect(page.locator("#versions tbody tr")).to_contain_text("v1")
    expect(page.locator("#versions tbody tr")).to_contain_text("Add a topic")
    assert faults(page) == []

    page.locator("#versions").get_by_role("link", name="v1", exact=True).click()
    assert faults(page) == []
    page.get_by_role("link", name="New environment").click()
    page.get_by_label("Name", exact=True).fill("orders")
    page.get_by_label("Account").select_option(str(account.pk))
    assert faults(page) == []
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/deployments/*/")
    (deployment,) = portal.wait_for_end(Deployment.objects.get(), seconds=3 * LIMIT)
    assert deployment.state == State.SUCCEEDED, reason(deployment)
    version = source.versions.get()
    assert Environment.objects.get(name="orders").template_version == version

    repository.commit({"infra/root.yaml": ROOT.replace("first", "second")}, "Change the title")
    repository.tag("v2")
    page.goto(source.get_absolute_url())
    page.get_by_role("button", name="Fetch").click()
    expect(page.locator("#versions tbody tr")).to_have_count(2)
    expect(page.locator("#versions tbody tr").first).to_contain_text("v2")
    expect(page.locator("#versions tbody tr").last).to_contain_text("orders")
    assert Deployment.objects.count() == 1  # fetching deploys nothing

    repository.delete()
    page.get_by_role("button", name="Fetch").click()
    expect(page.locator("#fetches tbody tr").first).to_contain_text("Failed")
    page.goto(source.get_absolute_url())  # to clear the message
    assert faults(page) == []
    page.goto(f"/environments/new?version={version.pk}")  # the version's files are kept
    expect(page.get_by_label("Title")).to_have_value("first")


def test_a_webhook_is_set_up(portal: Portal, own_page: Page, git: GitServer) -> None:
    add(own_page, git)
    own_page.get_by_role("button", name="Create webhook").click()
    expect(own_page.locator("#webhook-value")).to_be_visible()
    assert faults(own_page) == []
    own_page.get_by_role("link", name="Done").click()
    expect(own_page.get_by_text("Webhook on")).to_be_visible()
    expect(own_page.get_by_role("button", name="Switch off webhook")).to_be_visible()
