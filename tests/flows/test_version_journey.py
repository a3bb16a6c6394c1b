"""Versions in the browser and the sandbox: an update, its promotion, and back although its source is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from deployments import catalog
from deployments.core.phases import State
from deployments.models import Deployment, Environment, TemplateCheck
from deployments.runner import versions
from tests.flows.deployed import PACE
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Redis, Sandbox
from tests.wordings import reason

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
SOON = LIMIT * 1000
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Shown: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
"""
NEWER = ROOT + "  More: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${Title} again'}}\n"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A small template set."""
    found = tmp_path / "small"
    found.mkdir()
    (found / "template-set.yaml").write_text(
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
    )
    settings.SANSO_TEMPLATE_SET = found
    write(found, ROOT)
    return found


def write(folder: Path, root: str) -> None:
    """Let the set have this root template, and record the version."""
    (folder / "root.yaml").write_text(root)
    TemplateCheck.objects.get_or_create(digest=catalog.load(folder).digest, defaults={"findings": []})
    versions.record_current()


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, folder: Path, tmp_path: Path
) -> Iterator[Portal]:
    """A worker and a dispatcher with the small template set."""
    environment = process_environment | {
        "SANSO_TEMPLATE_SET": str(folder),
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


def test_an_update_is_previewed_and_promoted_and_gone_back_from_without_its_source(
    own_page: Page, portal: Portal, sandbox: Sandbox, folder: Path
) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=account.sandbox_account_id)
    requested = [portal.deploy(name, account, Title=name) for name in ("staging", "shop")]
    staging, shop = portal.wait_for_end(*requested, seconds=2 * LIMIT)
    assert (staging.state, shop.state) == (State.SUCCEEDED, State.SUCCEEDED), reason(staging)
    for one in (staging, shop):
        follow(own_page, one.environment, "*")
    write(folder, NEWER)

    own_page.goto("/environments/")
    expect(own_page.get_by_role("table").get_by_role("link", name="Update available")).to_have_count(2)
    own_page.locator(f"#environment-{staging.environment_id}-update").click()
    expect(own_page.locator("#files")).to_contain_text("More: {Type: AWS::SNS::Topic")
    own_page.get_by_label("Reason").fill("one more topic")
    own_page.get_by_role("button", name="Preview this change").click()
    applied(own_page, portal)
    assert titles(staging, sandbox) == {"staging", "staging again", "shop"}

    own_page.goto(f"{shop.environment.get_absolute_url()}update?to={shop.template_version_id}")
    own_page.locator(f"#take-{staging.environment_id}").click()
    own_page.get_by_role("button", name="Preview this change").click()
    applied(own_page, portal)
    assert titles(shop, sandbox) == {"staging", "staging again", "shop", "shop again"}

    shutil.rmtree(folder)
    own_page.goto(f"{staging.environment.get_absolute_url()}history")
    row = own_page.locator(f"#deployment-{staging.pk}")
    row.get_by_role("button", name="Roll back to this").click()
    applied(own_page, portal)
    assert titles(staging, sandbox) == {"staging", "shop", "shop again"}

    own_page.goto(f"{staging.environment.get_absolute_url()}configuration")
    expect(own_page.locator("#channel-says")).to_contain_text("went back from version 2")
    expect(own_page.locator("main")).not_to_contain_text("Update available")
    own_page.get_by_role("button", name="Resume updates").click()
    expect(own_page.locator("#update-available")).to_be_visible()


def follow(page: Page, environment: Environment, channel: str) -> None:
    page.goto(f"{environment.get_absolute_url()}configuration")
    page.get_by_label("Channel").fill(channel)
    page.get_by_role("button", name="Set channel").click()
    expect(page.get_by_text(f"The environment follows {channel}.")).to_be_visible()


def applied(page: Page, portal: Portal) -> Deployment:
    """Apply the preview that is shown, and return the change when it has ended."""
    expect(page.locator("#apply-change")).to_be_visible(timeout=SOON)
    preview = Deployment.objects.for_page().filter(kind="update").order_by("-pk")[0]
    page.locator("#apply-change").click()
    (ended,) = portal.wait_for_end(preview, seconds=3 * LIMIT)
    assert ended.state == State.SUCCEEDED, reason(ended)
    return ended


def titles(deployment: Deployment, sandbox: Sandbox) -> set[str]:
    """Return what the topics of the account are called in AWS."""
    sns = client(deployment.environment.account, "sns", sandbox)
    topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    return {sns.get_topic_attributes(TopicArn=one)["Attributes"]["DisplayName"] for one in topics}
