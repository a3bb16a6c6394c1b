"""The sandbox console with a deployed environment: failures of real servers and of the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from portal.sandbox_console.control_plane import ControlPlane
from tests.builders import make_account, make_environment, make_operator
from tests.pages.pages import Element, page
from tests.sandbox.machines.conftest import ACCOUNT, Site, deployed, start
from tests.services import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    sandbox = start(tmp_path_factory.mktemp("panel"), os.environ.get("SANSO_SANDBOX_DATABASE", "auto"))
    try:
        yield deployed(sandbox)
    finally:
        sandbox.stop()


@pytest.fixture
def account(site: Site, settings: Settings) -> Account:
    settings.SANSO_SANDBOX_URL = site.account.sandbox.url
    settings.SANSO_SANDBOX_TOKEN_FILE = str(site.account.sandbox.token_file)
    return make_account("sandbox", is_sandbox=True, sandbox_account_id=ACCOUNT)


@pytest.fixture
def environment(account: Account) -> Environment:
    """The row of the deployed environment; another environment's stack name is a prefix of its stack name."""
    make_environment("who", account=account, stack_name="who")
    return make_environment("shop", account=account, stack_name="whole")


@pytest.fixture
def browser(client: Client, environment: Environment) -> Client:
    user = make_operator("ana")
    client.force_login(user)
    return client


@pytest.fixture
def aws_time_scale(site: Site) -> Iterator[None]:
    """Set the time scale of AWS, so that a server that is stopped for a moment is not replaced."""
    site.account.pace(12)
    yield
    site.account.pace(0)


def shown(browser: Client) -> Element:
    return page(browser.get("/sandbox/"))


def servers(browser: Client, tier: str) -> list[Element]:
    """Return the servers of a tier that the page lists."""
    found = [one for one in shown(browser).one(id="machines").all("li") if one.all("p", class_="what")]
    return [one for one in found if tier in one.one("p", class_="what").text]


def press(browser: Client, url: str, action: str) -> str:
    """Press a button, and return the message that follows."""
    return page(browser.post(url, {"action": action}, follow=True)).one(class_="messages").text


def buttons(row: Element) -> list[str]:
    return [one["value"] for one in row.all("input", name="action")]


def test_servers_are_listed_under_their_environment_with_their_tier(
    browser: Client, environment: Environment
) -> None:
    group = shown(browser).one(id=f"machines-{environment.pk}")

    assert group.one("h3").one("a")["href"] == environment.get_absolute_url()
    assert len(group.all("li")) == 4
    assert [len(servers(browser, tier)) for tier in ("Web server", "App server")] == [2, 2]


def test_processes_are_said_not_to_serve_the_application_of_another_set(browser: Client) -> None:
    sentence = "They do not serve the application of a template set of your own; booted machines do."
    assert sentence in shown(browser).one(id="processes").text


def test_a_service_is_stopped_and_started_again(browser: Client, site: Site, aws_time_scale: None) -> None:
    row = servers(browser, "App server")[0]
    url = reverse("sandbox_machine", args=[row["id"]])
    assert {"stop-service", "kill"} <= set(buttons(row))
    assert "start-service" not in buttons(row)

    assert press(browser, url, "stop-service") == f"Stopped the service on {row['id']}."
    (row,) = [one for one in servers(browser, "App server") if one["id"] == row["id"]]
    assert "Stopped" in row.one("p", class_="what").text
    assert "stop-service" not in buttons(row)

    assert press(browser, url, "start-service") == f"Started the service on {row['id']}."
    (row,) = [one for one in servers(browser, "App server") if one["id"] == row["id"]]
    assert "Running" in row.one("p", class_="what").text


def test_a_web_server_can_return_500_until_it_is_repaired(
    browser: Client, site: Site, aws_time_scale: None
) -> None:
    row = servers(browser, "Web server")[0]
    url = reverse("sandbox_machine", args=[row["id"]])
    assert "break-service" not in buttons(servers(browser, "App server")[0])

    press(browser, url, "break-service")
    (row,) = [one for one in servers(browser, "Web server") if one["id"] == row["id"]]
    assert "Returns 500" in row.one("p", class_="what").text
    assert "break-service" not in buttons(row)

    press(browser, url, "repair-service")
    (row,) = [one for one in servers(browser, "Web server") if one["id"] == row["id"]]
    assert "Running" in row.one("p", class_="what").text


def test_only_machines_with_a_disk_of_their_own_can_fill_it(
    browser: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = servers(browser, "App server")[0]
    assert not {"fill-disk", "free-disk"} & set(buttons(row))
    url = reverse("sandbox_machine", args=[row["id"]])
    assert "only booted machines have disks" in press(browser, url, "fill-disk")
    send = ControlPlane._call

    def with_disks(self: ControlPlane, path: str, *arguments: Any, **options: Any) -> Any:
        reported = send(self, path, *arguments, **options)
        if path == "machines":
            for machine in reported["machines"]:
                machine["disk_full"] = machine["instance"] == row["id"]
        return reported

    monkeypatch.setattr(ControlPlane, "_call", with_disks)
    full, other = sorted(servers(browser, "App server"), key=lambda one: one["id"] != row["id"])
    assert "Disk full" in full.one("p", class_="what").text
    assert "free-disk" in buttons(full)
    assert "fill-disk" in buttons(other)
    assert "Running" in other.one("p", class_="what").text


def test_a_log_can_be_read_in_place_and_on_its_own_page(browser: Client, site: Site) -> None:
    site.get("read?from=the-log")
    urls = [one.one("details", class_="output")["data-from"] for one in servers(browser, "Web server")]

    in_place = [browser.get(url, headers={"HX-Request": "true"}) for url in urls]
    alone = [page(browser.get(url)) for url in urls]

    assert any("from=the-log" in page(one).one("pre").text for one in in_place)
    assert not page(in_place[0]).all("h1")
    assert any("from=the-log" in one.one("main").text for one in alone)


def test_killing_needs_a_confirmation_and_the_server_is_replaced(browser: Client, site: Site) -> None:
    row = servers(browser, "Web server")[0]
    (confirmation,) = row.all("details", class_="confirm")
    assert "as in a power failure" in confirmation.one("form").text

    message = press(browser, confirmation.one("form")["action"], "kill")

    assert message == f"Killed {row['id']}. Its Auto Scaling group launches a replacement."
    wait_until(site.is_whole, what="another server")
    assert row["id"] not in [one["id"] for one in servers(browser, "Web server")]
    assert len(servers(browser, "Web server")) == 2


def test_new_actions_of_the_sandbox_are_displayed(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send = ControlPlane._call

    def with_more_actions(self: ControlPlane, path: str, *arguments: Any, **options: Any) -> Any:
        reported = send(self, path, *arguments, **options)
        return {**reported, "actions": [*reported["actions"], "dance"]} if path == "machines" else reported

    monkeypatch.setattr(ControlPlane, "_call", with_more_actions)

    assert "dance" in buttons(servers(browser, "Web server")[0])
    assert "rejected the request" in press(
        browser, reverse("sandbox_machine", args=[servers(browser, "Web server")[0]["id"]]), "dance"
    )


def test_a_database_fails_over(browser: Client, site: Site, environment: Environment) -> None:
    (cluster,) = shown(browser).one(id="databases").all("div", class_="group")
    assert cluster.one("h3").one("a")["href"] == environment.get_absolute_url()
    writer, reader = [row.one("th").text for row in cluster.one("tbody").all("tr")]
    assert "Writer" in cluster.one(id=f"member-{writer}").text

    message = press(browser, cluster.all("form")[0]["action"], "failover")

    assert message == "Failover started."

    def has_failed_over() -> bool:
        rows = shown(browser).one(id="databases").one("tbody").all("tr")
        return [row.one("th").text for row in rows] == [reader, writer]

    wait_until(has_failed_over, what="the other instance as the writer")


def test_only_possible_actions_of_a_database_are_displayed(browser: Client, site: Site) -> None:
    about: Any = site.account.sandbox.control("GET", "about")
    (cluster,) = shown(browser).one(id="databases").all("div", class_="group")

    drills = ["kill_writer", "stop_writer", "freeze_writer", "kill_reader"]
    possible = drills if about["database"] == "mariadb" else []
    assert buttons(cluster) == ["failover", *possible, "announce_maintenance"]


def test_announced_maintenance_is_pending(browser: Client, site: Site) -> None:
    (cluster,) = shown(browser).one(id="databases").all("div", class_="group")

    message = press(browser, cluster.all("form")[0]["action"], "announce_maintenance")

    assert message.startswith("Announced an update of the operating system of the instances of")
    found = site.account.client("rds").describe_pending_maintenance_actions()["PendingMaintenanceActions"]
    assert len(found) == len(cluster.one("tbody").all("tr"))
