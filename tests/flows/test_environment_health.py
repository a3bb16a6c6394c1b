"""What goes wrong in a running environment is on its page within seconds, and mended from there.

Everything is real but AWS: a worker, a dispatcher, a web process, Chromium, and a sandbox whose instances
are processes that serve datelog.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Locator, Page, expect

from deployments.models import Environment
from deployments.models.health import Association
from tests.builders import make_user
from tests.flows.places import url
from tests.flows.web import Web, logged_in, start_web
from tests.running import Portal, client, new_account
from tests.services import Redis, Sandbox

pytestmark = pytest.mark.timeout(600)
SOON = 30_000
"""Milliseconds from a cause to its words on the page: twice what is asked for, on a crowded machine."""
WHILE = 60_000
"""Milliseconds in which a sandbox's Auto Scaling group has replaced a server and configured the new one."""


@pytest.fixture
def admin(transactional_db: None) -> User:
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, tmp_path: Path
) -> Iterator[Portal]:
    """A worker and a dispatcher on the template set that ships."""
    running = Portal(process_environment | {"SANSO_DATA_DIR": str(tmp_path / "data")}, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def environment(portal: Portal, admin: User) -> Environment:
    """An environment that became ready. Its servers have time to be mended before they are replaced."""
    account = new_account()
    deployed = portal.deploy(account=account, ConfigurationTimeoutSeconds="3600")
    (deployment,) = portal.ended(deployed, seconds=240)
    portal.sandbox.control("POST", "pace", {"pace": 1}, account=account.sandbox_account_id)
    assert deployment.state == "succeeded", deployment.error_message
    assert deployment.ready_at
    return deployment.environment


@pytest.fixture
def page(
    chromium: Browser, portal: Portal, admin: User, environment: Environment, tmp_path: Path
) -> Iterator[Page]:
    """The environment's page, open and healthy."""
    web: Web = start_web(tmp_path / "web", portal.environment)
    with logged_in(chromium, admin, web.url, viewport={"width": 1440, "height": 900}) as context:
        shown = context.new_page()
        shown.goto(url(web, "environment", environment.pk))
        expect(health(shown)).to_contain_text("Every part of the environment answers.", timeout=SOON)
        yield shown
    web.stop()


def health(page: Page) -> Locator:
    return page.locator("#health")


def tier(page: Page, name: str) -> Locator:
    return health(page).get_by_role("listitem").filter(has_text=name)


def box(page: Page, key: str) -> Locator:
    return page.locator("#architecture svg.wide").get_by_role("link", name=key)


def machines(sandbox: Sandbox, environment: Environment, service: str) -> list[str]:
    listed: Any = sandbox.control("GET", "machines", account=environment.account.sandbox_account_id)
    return [one["instance"] for one in listed["machines"] if one["service"] == service and one["running"]]


def break_on_purpose(sandbox: Sandbox, environment: Environment, **faults: Any) -> None:
    sandbox.control("POST", "faults", faults, account=environment.account.sandbox_account_id)


def test_what_goes_wrong_is_on_the_page_and_mended_from_there(
    page: Page, environment: Environment, sandbox: Sandbox
) -> None:
    """One environment, one thing after the other: each is seen, each heals."""
    a_time_is_saved_through_the_site(page)
    an_app_server_that_stopped_is_named(page, environment, sandbox)
    a_source_that_is_denied_says_which_permission_is_missing(page, environment, sandbox)
    a_playbook_that_failed_on_one_server_is_run_again_there(page, environment, sandbox)
    a_failover_swaps_the_roles(page, environment, sandbox)
    a_server_that_was_killed_is_replaced_and_configured(page, environment, sandbox)


def a_time_is_saved_through_the_site(page: Page) -> None:
    rows = page.locator("#site tbody tr")
    before = rows.count()

    page.get_by_role("button", name="Save a time through the site").click()

    expect(rows).to_have_count(before + 1, timeout=SOON)
    expect(rows.first).to_contain_text("root")
    expect(rows.first).to_contain_text("A time was saved and read back in")


def an_app_server_that_stopped_is_named(page: Page, environment: Environment, sandbox: Sandbox) -> None:
    sick = machines(sandbox, environment, "uwsgi")[0]

    sandbox.control("POST", f"machines/{sick}", {"action": "stop-service"})

    expect(health(page)).to_contain_text(f"app {sick} refuses the connection of health checks", timeout=SOON)
    expect(tier(page, "App servers")).to_contain_text("Degraded 1 of 2")
    expect(tier(page, "Web servers")).to_contain_text("Healthy 2 of 2")
    expect(box(page, sick)).to_contain_text("Unhealthy")
    row = page.locator(f"#target-app-{sick}")
    expect(row).to_contain_text("unhealthy · Target.FailedHealthChecks")
    with page.context.expect_page() as opened:
        page.evaluate("window.open('/environments/')")
    listed = opened.value.locator(f"#environment-{environment.pk}")
    expect(listed).to_contain_text("Degraded", timeout=SOON)
    opened.value.close()

    sandbox.control("POST", f"machines/{sick}", {"action": "start-service"})

    expect(health(page)).to_contain_text("Every part of the environment answers.", timeout=SOON)
    page.locator("#past-day > summary").click()
    expect(page.locator("#past-day tbody")).to_contain_text("App servers", timeout=SOON)


def a_source_that_is_denied_says_which_permission_is_missing(
    page: Page, environment: Environment, sandbox: Sandbox
) -> None:
    denied = {"service": "ssm", "action": "DescribeAssociationExecutions", "mode": "denied", "count": 10_000}

    break_on_purpose(sandbox, environment, api=[denied])
    association = Association.objects.of(environment).get(tier="web")
    panel = page.locator(f"#association-{association.association_id}")
    panel.get_by_role("button", name="Run again on all").click()  # executions are read when something moved

    trouble = page.locator("#trouble-associations")
    expect(trouble).to_contain_text("ssm:DescribeAssociationExecutions", timeout=SOON)
    expect(trouble.get_by_role("button")).to_have_attribute(
        "data-copy", '{"Effect": "Allow", "Action": "ssm:DescribeAssociationExecutions", "Resource": "*"}'
    )
    expect(page.locator("#trouble-targets")).to_have_count(0)
    expect(page.locator("#source-targets")).to_contain_text("as of")

    sandbox.control("DELETE", "faults", account=environment.account.sandbox_account_id)

    expect(trouble).to_have_count(0, timeout=30_000)


def a_playbook_that_failed_on_one_server_is_run_again_there(
    page: Page, environment: Environment, sandbox: Sandbox
) -> None:
    association = Association.objects.of(environment).get(tier="app")
    sick = machines(sandbox, environment, "uwsgi")[0]
    panel = page.locator(f"#association-{association.association_id}")
    break_on_purpose(sandbox, environment, associations={association.name: [sick]})

    panel.get_by_role("button", name="Run again on all").click()

    expect(panel).to_contain_text("failed on 1 of 2", timeout=SOON)
    expect(panel.locator("tbody tr").first).to_contain_text(sick)
    expect(health(page)).to_contain_text(f"app {sick} was not configured", timeout=SOON)
    output = panel.locator("tbody tr").first.locator("details")
    output.locator("summary").click()
    expect(output.locator("pre").first).to_be_visible(timeout=SOON)

    break_on_purpose(sandbox, environment, associations={association.name: None})
    panel.get_by_role("button", name="Run again on failed").click()

    expect(panel).to_contain_text("Succeeded", timeout=SOON)
    expect(panel.get_by_role("button", name="Run again on failed")).to_have_count(0, timeout=SOON)
    expect(health(page)).to_contain_text("Every part of the environment answers.", timeout=SOON)


def a_failover_swaps_the_roles(page: Page, environment: Environment, sandbox: Sandbox) -> None:
    first = page.locator("#database tbody tr").first
    writer = first.locator("th").inner_text()
    environment.refresh_from_db()

    client(environment.account, "rds", sandbox).failover_db_cluster(
        DBClusterIdentifier=environment.outputs["DatabaseClusterId"]
    )

    expect(first.locator("th")).not_to_have_text(writer, timeout=SOON)
    expect(first).to_contain_text("Writer")


def a_server_that_was_killed_is_replaced_and_configured(
    page: Page, environment: Environment, sandbox: Sandbox
) -> None:
    before = machines(sandbox, environment, "httpd")
    gone = before[0]

    sandbox.control("POST", f"machines/{gone}", {"action": "kill"})

    expect(page.locator(".activities")).to_contain_text(gone, timeout=SOON)
    expect(page.locator(f"#instance-{gone}")).to_have_count(0, timeout=WHILE)
    expect(health(page)).to_contain_text("Every part of the environment answers.", timeout=WHILE)
    (new,) = set(machines(sandbox, environment, "httpd")) - set(before)
    expect(box(page, new)).to_contain_text("Healthy")
