"""An operator's main flow: deploy, watch, open the outputs, and delete everything.

Everything except AWS is real: MariaDB, Redis, a worker, a dispatcher, two web processes and Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from tests.browsers import close
from tests.builders import make_user
from tests.flows.environment_menu import choose
from tests.flows.web import Web, Wire, start_web
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.sandbox.article_set.conftest import pack_wheel, with_offered_version
from tests.services import LIMIT, Redis, Sandbox, start_sandbox, wait_until

pytestmark = pytest.mark.timeout(400)
PACE = 0.25
PASSWORD = "correct horse battery"
NUMBERS = "[...document.querySelectorAll('#events tr')].map((row) => Number(row.dataset.seq))"
DONE = 2 * LIMIT * 1000
WATCH_PERCENTAGES = """
  window.percentages = [];
  const watch = () => {
    const shown = document.querySelector("#header .facts b")?.textContent.match(/^([0-9]+) %$/);
    if (shown && shown[1] != window.percentages.at(-1)) window.percentages.push(Number(shown[1]));
  };
  new MutationObserver(watch).observe(
    document.getElementById("header"), { subtree: true, childList: true, characterData: true });
  watch();
"""


@pytest.fixture(autouse=True)
def _rows_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow tests to write rows: Django considers this thread async because Playwright runs a loop in it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def admin(transactional_db: None) -> User:
    user = make_user("ana", is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, tmp_path: Path
) -> Iterator[Portal]:
    """A worker and a dispatcher with the bundled template set."""
    environment = process_environment | {"SANSO_DATA_DIR": str(tmp_path / "data")}
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def webs(portal: Portal, tmp_path: Path) -> Iterator[list[Web]]:
    """Two web processes on one database."""
    servers = [start_web(tmp_path / name, portal.environment) for name in ("web", "second")]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def wire(webs: list[Web]) -> Iterator[Wire]:
    """A proxy to the first web process, whose connections can be cut."""
    wire = Wire(webs[0].port)
    yield wire
    wire.cut()


@pytest.fixture
def account(transactional_db: None, sandbox: Sandbox) -> Account:
    fresh = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=fresh.sandbox_account_id)
    return fresh


def log_in(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Environments", exact=True)).to_be_visible()


def deploy(page: Page, name: str) -> None:
    page.get_by_role("link", name="New environment").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("heading", name="Reason and labels").click()
    page.get_by_label("Reason").fill("to try it")
    page.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", name=f"Create {name}")).to_be_visible()


def row(page: Page, logical_id: str) -> Any:
    return page.locator("#tree tr").filter(has=page.get_by_text(logical_id, exact=True)).first


def assert_complete(page: Page, deployment: Deployment) -> None:
    """Wait for every event, once and in order; repetitions are in the line of the first occurrence."""
    stored = Event.objects.of(deployment).filter(repeat_of=0).order_by("at", "seq")

    def is_complete() -> bool:
        numbers: list[int] = page.evaluate(NUMBERS)
        return numbers == [seq for seq in stored.values_list("seq", flat=True) if seq >= min(numbers)]

    wait_until(is_complete, what="every event once and in order")


def remaining_in_aws(account: Account, sandbox: Sandbox) -> dict[str, int]:
    """Return the number of remaining resources of each kind in the account, without default VPCs."""
    ec2, elb = client(account, "ec2", sandbox), client(account, "elbv2", sandbox)
    vpcs = ec2.describe_vpcs()["Vpcs"]
    instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    stacks = client(account, "cloudformation", sandbox).describe_stacks()["Stacks"]
    found = {
        "stacks": len(stacks),
        "vpcs": len([vpc for vpc in vpcs if not vpc["IsDefault"]]),
        "instances": len([i for i in instances if i["State"]["Name"] not in ("terminated", "shutting-down")]),
        "interfaces": len(ec2.describe_network_interfaces()["NetworkInterfaces"]),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "load balancers": len(elb.describe_load_balancers()["LoadBalancers"]),
        "target groups": len(elb.describe_target_groups()["TargetGroups"]),
        "clusters": len(client(account, "rds", sandbox).describe_db_clusters()["DBClusters"]),
        "functions": len(client(account, "lambda", sandbox).list_functions()["Functions"]),
        "associations": len(client(account, "ssm", sandbox).list_associations()["Associations"]),
        "secrets": len(client(account, "secretsmanager", sandbox).list_secrets()["SecretList"]),
        "groups": len(
            client(account, "autoscaling", sandbox).describe_auto_scaling_groups()["AutoScalingGroups"]
        ),
    }
    return {kind: number for kind, number in found.items() if number}


def test_an_operator_deploys_watches_and_deletes_an_environment(
    chromium: Browser, admin: User, account: Account, wire: Wire, webs: list[Web], sandbox: Sandbox
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    log_in(page, wire.url)
    deploy(page, "staging")
    page.evaluate(f"() => {{ {WATCH_PERCENTAGES} }}")

    # Rows are updated without a reload, even after the connection was cut.
    expect(row(page, "Vpc")).to_contain_text("Succeeded", timeout=DONE)
    # A busy machine may be slower than the forecast, which takes the place of a percentage.
    expect(page.locator("#header .facts")).to_contain_text(re.compile(r"\d %|slower than forecast"))
    wire.cut()
    expect(page.locator("#lost")).to_be_visible()
    wire.restore()
    expect(page.locator("#lost")).to_be_hidden()

    elsewhere = chromium.new_context()
    second = elsewhere.new_page()
    log_in(second, webs[1].url)
    second.goto(re.sub(r"^http://[^/]+", webs[1].url, page.url))
    for tab in (page, second):
        expect(tab.locator("#banner")).to_contain_text("staging created", timeout=DONE)
        expect(tab.locator("#banner")).to_contain_text("SiteUrl")
        assert_complete(tab, Deployment.objects.get())
    close(elsewhere)
    shown = page.evaluate("window.percentages")  # in the same document: the page was never reloaded
    assert shown == sorted(shown)
    assert 100 not in shown
    stacks = page.locator("#tree tr.stack:not(.group, .instance)")
    assert stacks.count() == 9
    for i in range(9):
        expect(stacks.nth(i)).to_contain_text("Succeeded")

    page.goto(f"{wire.url}/")
    page.get_by_role("link", name="staging", exact=True).click()
    page.get_by_role("link", name="Configuration").click()
    expect(page.get_by_role("rowheader", name="SiteUrl")).to_be_visible()
    choose(page, "delete")
    page.get_by_label("Type the environment name").fill("staging")
    page.get_by_label("Turn off deletion protection").check()
    page.get_by_role("button", name="Delete environment").click()
    expect(page.locator("#banner")).to_contain_text("staging is deleted", timeout=DONE)
    assert_complete(page, Deployment.objects.latest("pk"))
    close(context)
    assert remaining_in_aws(account, sandbox) == {}


def test_two_environments_are_created_in_one_account_at_once(
    portal: Portal, account: Account, sandbox: Sandbox
) -> None:
    made = portal.wait_for_end(
        portal.deploy("one", account), portal.deploy("two", account), seconds=3 * LIMIT
    )

    assert [(d.state, reason(d)) for d in made] == [("succeeded", "")] * 2
    sites = {d.environment.url for d in made}
    assert len(sites) == 2
    removed = portal.wait_for_end(*[portal.remove(d, unprotect=True) for d in made], seconds=3 * LIMIT)
    assert [(d.state, reason(d)) for d in removed] == [("succeeded", "")] * 2
    assert remaining_in_aws(account, sandbox) == {}


def test_the_articles_template_set_is_deployed_when_the_setting_names_it(
    chromium: Browser,
    admin: User,
    process_environment: dict[str, str],
    redis_server: Redis,
    tmp_path: Path,
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pack_wheel("pymysql", wheels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        # The set's names do not begin with sanso-, so the roles in account.yaml do not allow its calls.
        sandbox = start_sandbox(tmp_path / "sandbox", permissions="report")
    new_account()
    environment = process_environment | {
        **sandbox.portal_settings,
        "SANSO_TEMPLATE_SET": str(with_offered_version(tmp_path / "article_set")),
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    portal = Portal(environment, tmp_path, sandbox)
    portal.start()
    web = start_web(tmp_path / "web", environment)
    try:
        context = chromium.new_context()
        page = context.new_page()
        log_in(page, web.url)
        deploy(page, "article")
        expect(page.locator("#banner")).to_contain_text("article created", timeout=DONE)
        assert "Passw0rd" not in page.content()
        page.goto(f"{web.url}/")
        page.get_by_role("link", name="article", exact=True).click()
        assert "Passw0rd" not in page.content()
        choose(page, "delete")
        page.get_by_label("Type the environment name").fill("article")
        page.get_by_label("Turn off deletion protection").check()
        page.get_by_role("button", name="Delete environment").click()
        expect(page.locator("#banner")).to_contain_text("article is deleted", timeout=DONE)
        close(context)
    finally:
        web.stop()
        portal.stop()
        sandbox.stop()
