"""The main flow on booted machines: deploy in the browser, visit the site, and read the servers' logs.

Everything except AWS is real: each instance runs Debian, and associations install Apache and uWSGI on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from tests.browsers import close
from tests.builders import make_user
from tests.flows.booted import CONFIGURED, booting, portal, rows_beside_playwright
from tests.flows.booted_failures import failures_are_named_and_heal
from tests.flows.deployed import Deployed
from tests.flows.test_main_job import PASSWORD, deploy, log_in
from tests.flows.web import Web, start_web
from tests.playbook.machine import why_not
from tests.running import Portal, client, new_account
from tests.services import Sandbox, wait_until

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=f"machines can't be booted: {why_not()}"),
    pytest.mark.timeout(1200),  # the first run on a host may have to build the base tree
]
__all__ = ["booting", "portal", "rows_beside_playwright"]


@pytest.fixture
def operator(transactional_db: None) -> User:
    user = make_user("ana", is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def web(portal: Portal, tmp_path: Path) -> Iterator[Web]:
    server = start_web(tmp_path / "web", portal.environment)
    yield server
    server.stop()


class Site:
    """The deployed site: its machines, their logs, and the health of its targets."""

    def __init__(self, sandbox: Sandbox, account: Account) -> None:
        self.sandbox, self.account = sandbox, account

    def machines(self, service: str) -> list[str]:
        listed: Any = self.sandbox.control("GET", "machines", account=self.account.sandbox_account_id)
        return sorted(one["instance"] for one in listed["machines"] if one["service"] == service)

    def log(self, instance: str) -> str:
        reported: Any = self.sandbox.control("GET", f"machines/{instance}/log")
        return str(reported["log"])

    def states(self) -> dict[str, str]:
        """Return the state of each target of both tiers."""
        elb = client(self.account, "elbv2", self.sandbox)
        return {
            row["Target"]["Id"]: row["TargetHealth"]["State"]
            for group in elb.describe_target_groups()["TargetGroups"]
            for row in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
                "TargetHealthDescriptions"
            ]
        }

    def is_healthy(self) -> bool:
        return list(self.states().values()) == ["healthy"] * 4

    def playbook_outputs(self) -> list[str]:
        """Return the output of the app servers' associations, from S3."""
        s3 = client(self.account, "s3", self.sandbox)
        (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"]]
        listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
        keys = [one["Key"] for one in listed if one["Key"].endswith("runPlaybook/stdout")]
        return [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]


def read(page: Page, url: str, path: str) -> str:
    answer = page.goto(f"{url}{path}")
    assert answer
    assert answer.status == 200
    return answer.text()


def visit_until_all_servers_have_logged(page: Page, url: str, site: Site, path: str) -> None:
    """Request a path until it is in the logs of both web servers and both app servers."""

    def seen() -> bool:
        read(page, url, path)
        servers = [*site.machines("httpd"), *site.machines("uwsgi")]
        return len(servers) == 4 and all(f"GET /{path} " in site.log(key) for key in servers)

    wait_until(seen, what=f"/{path} in the logs of all four servers")


def test_the_deployed_site_serves_visitors_and_a_killed_server_is_replaced(
    chromium: Browser, operator: User, booting: Sandbox, portal: Portal, web: Web
) -> None:
    account = new_account()
    context = chromium.new_context()
    page = context.new_page()
    log_in(page, web.url)
    deploy(page, "times")
    expect(page.locator("#banner")).to_contain_text("times created", timeout=CONFIGURED * 1000)
    site = Site(booting, account)
    wait_until(site.is_healthy, what="four healthy servers")
    environment = Deployment.objects.get().environment
    url = environment.url
    assert url.startswith("http://127.")

    read(page, url, "")
    expect(page.get_by_role("button", name="Save the current time")).to_be_visible()
    before = json.loads(read(page, url, "read"))
    assert len(before) <= 1  # from the portal's own site check
    saved = before + [read(page, url, "write").removeprefix("Saved: ").strip() for _number in range(3)]
    wait_until(lambda: json.loads(read(page, url, "read")) == saved, what="the saved times in the list")
    visit_until_all_servers_have_logged(page, url, site, "read")
    recaps = [line for text in site.playbook_outputs() for line in text.splitlines() if "failed=0" in line]
    assert len(recaps) == 2  # one Ansible recap for each app server

    with context.expect_page() as opened:
        page.evaluate("url => window.open(url)", f"{web.url}{environment.get_absolute_url()}")
    failures_are_named_and_heal(Deployed(opened.value, environment, booting))
    opened.value.close()

    # The site check after the last failure saved a time; the reads that measured the site saved none.
    wait_until(lambda: len(json.loads(read(page, url, "read"))) == len(saved) + 1, what="one more saved time")
    saved, runs = json.loads(read(page, url, "read")), len(site.playbook_outputs())
    victim = site.machines("uwsgi")[0]
    booting.control("POST", f"machines/{victim}", {"action": "kill"})
    assert json.loads(read(page, url, "read")) == saved
    wait_until(
        lambda: victim not in site.states() and site.is_healthy(),
        seconds=CONFIGURED,
        what="a configured replacement in service",
    )
    wait_until(lambda: len(site.playbook_outputs()) == runs + 1, what="the output of its association")
    visit_until_all_servers_have_logged(page, url, site, "read?again")
    close(context)
