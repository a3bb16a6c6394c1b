"""docs/template-authors.md, followed in a browser: from an empty folder to a deployed set, and its update."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets.models.sources import TemplateSource
from tests.message_texts import reason
from tests.running import Portal, client, create_roles, new_account
from tests.services import LIMIT, Redis, Sandbox
from tests.template_sets.template_files.test_authors import example, policy

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(900)]


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, tmp_path: Path
) -> Iterator[Portal]:
    """A portal that may read folders below the test's."""
    more = {"SANSO_DATA_DIR": str(tmp_path / "data"), "SANSO_LOCAL_SOURCES": str(tmp_path)}
    running = Portal(process_environment | more, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


def fetched(page: Page, source: TemplateSource, number: int) -> None:
    """Fetch the folder, and wait until it has this many versions."""
    page.goto(source.get_absolute_url())
    page.get_by_role("button", name="Fetch").click()
    expect(page.locator("#versions tbody tr")).to_have_count(number)


def test_an_empty_folder_becomes_a_deployed_set(
    own_page: Page, portal: Portal, sandbox: Sandbox, tmp_path: Path
) -> None:
    page, folder, texts, account = own_page, tmp_path / "orders", example(), new_account()
    folder.mkdir()
    for name in ("root.yaml", "inner.yaml"):
        (folder / name).write_text(texts[name])
    page.goto("/template-sets/")
    page.get_by_role("link", name="New template set").click()
    page.get_by_label("Name", exact=True).fill("orders")
    page.get_by_label("Source").select_option(label="Folder")
    page.get_by_label("Address").fill(str(folder))
    page.get_by_role("button", name="Add template set").click()
    expect(page.locator("#versions tbody tr")).to_contain_text("#1")
    source = TemplateSource.objects.get(name="orders")
    page.goto(f"/environments/new?version={source.versions.get().pk}")
    expect(page.get_by_label("Prefix", exact=True)).to_be_visible()
    expect(page.get_by_label("Bucket", exact=True)).to_have_count(0)

    (folder / "template-set.yaml").write_text(texts["template-set.yaml"])
    fetched(page, source, 2)
    page.locator("#versions").get_by_role("link", name="#2", exact=True).click()
    page.get_by_role("link", name="New environment").click()
    expect(page.get_by_label("Prefix", exact=True)).to_have_count(0)
    create_roles(account, sandbox)
    client(account, "iam", sandbox).put_role_policy(
        RoleName="sanso-cloudformation", PolicyName="orders", PolicyDocument=json.dumps(policy())
    )
    page.reload()
    page.get_by_label("Name", exact=True).first.fill("orders")
    page.get_by_label("Account").select_option(str(account.pk))
    page.locator("#preset-trial").check()
    page.locator("#id_parameter_Name").fill("Orders")
    page.get_by_role("button", name="Deploy").click()
    page.wait_for_url("**/deployments/*/")
    (deployment,) = portal.wait_for_end(Deployment.objects.get(), seconds=3 * LIMIT)
    assert deployment.state == State.SUCCEEDED, reason(deployment)
    assert deployment.parameters == {"Name": "Orders", "RetentionDays": "1", "Region": "eu"}

    environment = Environment.objects.get(name="orders")
    page.goto(f"{environment.get_absolute_url()}configuration")
    page.get_by_label("Channel").fill("*")
    page.get_by_role("button", name="Set channel").click()
    expect(page.get_by_text("The environment follows *.")).to_be_visible()
    (folder / "inner.yaml").write_text(
        texts["inner.yaml"].replace('"${RetentionDays}0000"', '"${RetentionDays}1000"')
    )
    fetched(page, source, 3)
    page.goto("/environments/")
    expect(page.locator(f"#environment-{environment.pk}-note")).to_contain_text("Update available")
