"""The page of one environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.releases.models import ReleaseServer, ServerRelease
from tests.builders import START, make_account, make_deployment, make_environment, make_resource, make_stack
from tests.health_builders import make_past, make_whole
from tests.pages.environment_pages import show, url
from tests.pages.pages import page


def make(state: str = "succeeded", deployment: dict[str, Any] | None = None, **values: Any) -> Environment:
    defaults = {"stack_id": "arn:stack", "stack_status": "CREATE_COMPLETE"}
    environment = make_environment("staging", **(defaults | values))
    make_deployment(environment, state=state, **(deployment or {}))
    return environment


def test_the_head_has_one_state(browser: Client) -> None:
    environment = make(account=make_account("sandbox"), outputs={"URL": "https://site.example/"})

    shown = show(browser, environment)

    assert shown.one("h1").text == "staging"
    assert shown.one(id="state").text == "? Unknown"
    assert "CREATE_COMPLETE" not in shown.one(id="head").text
    assert "CREATE_COMPLETE" in show(browser, environment, "configuration").one(id="stacks").text
    assert "sandbox · ap-northeast-1" in shown.text
    assert shown.one("a", id="open")["href"] == "https://site.example/"
    assert shown.one("a", id="delete")["href"] == url(environment, "environment_delete")


def test_stacks_are_those_of_the_latest_deployment_and_link_to_its_tree(browser: Client) -> None:
    environment = make()
    latest = environment.latest
    assert latest
    root = make_stack(latest, status="CREATE_COMPLETE", started_at=START, ended_at=START.replace(minute=8))
    network = make_stack(latest, "Network", root, status="CREATE_FAILED", reason="No room.")
    make_resource(root, "Network", type="AWS::CloudFormation::Stack")
    make_resource(network, "Vpc")
    make_resource(network, "Subnet")

    stacks = show(browser, environment, "configuration").one("section", aria_labelledby="stacks-title")

    first, second = (row.text for row in stacks.one("tbody").all("tr"))
    assert first == "sanso-staging ✓ Succeeded CREATE_COMPLETE 0 8:00"
    assert "Network ✕ Failed CREATE_FAILED: No room. 2" in second
    assert all(a["href"].startswith(latest.get_absolute_url()) for a in stacks.one("tbody").all("a"))


def test_outputs_can_be_copied_and_only_web_addresses_are_links(browser: Client) -> None:
    outputs = {"URL": "http://127.0.0.1:8080/", "Endpoint": "db.example", "Evil": "javascript:alert(1)"}

    shown = show(browser, make(outputs=outputs), "configuration").one(
        "section", aria_labelledby="outputs-title"
    )

    assert [a["href"] for a in shown.all("a")] == ["http://127.0.0.1:8080/"]
    assert [button["data-copy"] for button in shown.all("button")] == list(outputs.values())


def test_parameters_are_displayed_as_requested(browser: Client) -> None:
    environment = make(parameters={"Size": "small", "Certificate": ""})

    rows = (
        show(browser, environment, "configuration")
        .one("section", aria_labelledby="parameters-title")
        .all("tr")
    )

    assert [row.text for row in rows] == ["Size small", "Certificate empty"]


def test_the_history_is_newest_first_and_links_to_all_deployments(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.environment_pages.pages.views.environment.HISTORY", 2)
    environment = make(deployment={"reason": "the first"})
    second = make_deployment(environment, state="failed", reason="the second")
    third = make_deployment(environment, state="stacks", reason="the third")

    shown = show(browser, environment, "history").one("section", aria_labelledby="history-title")

    texts = [row.text for row in shown.one("tbody").all("tr")]
    assert [f"Create {third.pk} the third" in texts[0], f"Create {second.pk} the second" in texts[1]] == [
        True,
        True,
    ]
    assert len(texts) == 2
    assert f"/deployments/?environment={environment.pk}" in {
        a["href"] for a in shown.all("a", class_="button")
    }


def test_an_active_deployment_is_linked_and_the_environment_cannot_be_deleted(browser: Client) -> None:
    environment = make("stacks", stack_status="CREATE_IN_PROGRESS")
    assert environment.latest

    shown = show(browser, environment)

    note = shown.one(id="note-link")
    assert note["href"] == environment.latest.get_absolute_url()
    assert note.text == f"Create {environment.latest.pk}: Stacks"
    assert not shown.all(id="active")
    assert "disabled" in shown.one("button", id="delete").attributes
    assert "A deployment is changing this environment." in shown.one(id="delete-why-not").text


def test_a_change_whose_snapshot_is_taken_first_is_on_the_page_and_in_the_list(browser: Client) -> None:
    environment = make()
    creation = environment.latest
    change = make_deployment(environment, kind="update", state="snapshot")
    Environment.objects.update(latest=creation)  # until the stacks of the change begin

    assert "Snapshot" in show(browser, environment).one(id=f"open-change-{change.pk}").text
    assert f"Update {change.pk}: Snapshot" in page(browser.get("/environments/")).text


def test_the_page_displays_what_a_deployment_waits_for(browser: Client) -> None:
    environment = make(
        "preflight", {"attention_code": "AccessDenied", "attention": "The role may not do that."}
    )

    assert "▲ Needs attention" in show(browser, environment).one(id="active").text
    assert "The role may not do that." in show(browser, environment).one(id="active").text


@pytest.mark.parametrize(
    ("state", "kind", "stack_id", "action"),
    [
        ("rolled_back", "create", "arn:stack", "Clean up and retry…"),
        ("failed", "create", "", "Retry with these values"),
        ("failed", "delete", "arn:stack", "Delete again…"),
    ],
)
def test_a_failure_has_a_reason_and_an_action(
    browser: Client, state: str, kind: str, stack_id: str, action: str
) -> None:
    why: dict[str, Any] = {
        "kind": kind,
        "error_code": "ResourceFailed",
        "error_message": "DBCluster: too many clusters",
    }
    why |= {"ended_at": timezone.now(), "last_phase": "stacks"}
    environment = make(state, why, stack_id=stack_id)
    assert environment.latest

    shown = show(browser, environment)

    assert "DBCluster: too many clusters" in shown.one(id="cause").text
    assert shown.one(id="main-action").text == action
    assert bool(shown.all(id="health")) == (kind == "delete")


def test_an_environment_with_a_missing_stack_can_be_removed_from_sanso(browser: Client) -> None:
    environment = make(missing_since=timezone.now())

    missing = show(browser, environment).one(id="missing")
    response = browser.post(missing.one("form")["action"], follow=True)

    assert "no longer exists in AWS" in missing.text
    assert "staging was removed from Sanso" in page(response).text
    environment.refresh_from_db()
    assert environment.deleted_at
    assert environment.live_key is None


def test_an_environment_with_a_stack_cannot_be_removed_from_sanso(browser: Client) -> None:
    environment = make()

    response = browser.post(url(environment, "environment_close"), follow=True)

    assert "Delete it instead" in page(response).one("span", role="alert").text
    environment.refresh_from_db()
    assert environment.deleted_at is None


def test_a_deleted_environment_keeps_its_page_without_buttons(browser: Client) -> None:
    environment = make(
        deleted_at=timezone.now(), outputs={"URL": "http://127.0.0.1/"}, stack_status="DELETE_COMPLETE"
    )

    shown = show(browser, environment)

    assert "was deleted on" in shown.text
    assert not shown.all(id="open")
    assert not shown.all(id="delete")


def test_stale_data_is_marked(browser: Client) -> None:
    environment = make(observe_error="Rate exceeded", observed_at=timezone.now())

    assert "Rate exceeded" in show(browser, environment).one(id="unseen").text


@pytest.mark.parametrize(
    ("database", "mark"), [("embedded", "database: embedded"), ("mariadb", "database: mariadb")]
)
def test_the_sandbox_is_named_with_its_database(browser: Client, database: str, mark: str) -> None:
    account = make_account(is_sandbox=True, sandbox_facts={"database": database, "machines": "records"})

    notice = page(browser.get(url(make(account=account)))).one("aside", id="sandbox")

    assert (
        "AWS is simulated on the machine that runs Sanso; nothing is billed; pages show what AWS would bill."
        in notice.one("summary").text
    )
    assert [m.text for m in notice.all("span", class_="tag")] == [mark, "machines: records"]


@pytest.mark.parametrize(("machines", "appears"), [("processes", True), ("booted", False)])
def test_processes_are_said_not_to_serve_the_application_of_another_set(
    browser: Client, machines: str, appears: bool
) -> None:
    account = make_account(is_sandbox=True, sandbox_facts={"database": "mariadb", "machines": machines})

    notice = page(browser.get(url(make(account=account)))).one("aside", id="sandbox").text

    assert ("do not serve the application of a template set of your own" in notice) is appears


def test_a_real_account_has_no_sandbox_notice(browser: Client) -> None:
    assert not page(browser.get(url(make()))).all(id="sandbox")


def test_htmx_gets_only_the_body(browser: Client) -> None:
    response = browser.get(url(make()), headers={"HX-Request": "true"})

    assert not page(response).all("html")
    assert page(response).one("h1").text == "staging"
    assert "HX-Request" in response["Vary"]


def test_more_stacks_and_deployments_cost_no_more_queries(
    browser: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.live.reads.QUOTA_SECONDS", 3600)  # read once per test
    environment = make()
    latest = environment.latest
    assert latest
    root = make_stack(latest)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            browser.get(url(environment))
        return len(seen)

    queries()  # the visit is recorded
    few = queries()
    for number in range(5):
        make_resource(make_stack(latest, f"Nested{number}", root), "Thing")
        make_deployment(environment, state="failed")
        Environment.objects.filter(pk=environment.pk).update(latest=latest)

    assert queries() == few


def test_an_unknown_environment_is_not_found(browser: Client) -> None:
    response = browser.get("/environments/4711/")

    assert response.status_code == 404
    assert "Page not found" in page(response).text


def test_each_tab_has_an_address_and_is_marked_in_the_navigation(browser: Client) -> None:
    environment = make_whole()
    overview = show(browser, environment)
    addresses = {link.text: link["href"] for link in overview.one("nav", id="tabs").all("a")}

    marked = {}
    for label, address in addresses.items():
        shown = page(browser.get(address)).one("main")
        (current,) = [a for a in shown.one(id="tabs").all("a") if "aria-current" in a.attributes]
        assert shown.one(id="environment")["hx-get"] == address  # only the tab itself is updated
        assert shown.one("h1").text == environment.name
        marked[label] = current.text

    assert list(addresses) == ["Overview", "Servers", "Database", "History", "Configuration"]
    assert marked == {label: label for label in addresses}
    order = [section["id"] for section in overview.all("section") if "id" in section.attributes]
    assert order == ["architecture", "site", "incidents", "latest"]


def test_an_environment_without_components_has_no_tabs_for_them(browser: Client) -> None:
    environment = make("failed", stack_id="")

    shown = show(browser, environment, "servers")

    tabs = [link.text for link in show(browser, environment).one(id="tabs").all("a")]
    assert tabs == ["Overview", "History", "Configuration"]
    assert "This environment has no servers now." in shown.one(id="nothing").text


@pytest.mark.parametrize("gone", ["missing_since", "deleted_at"])
def test_values_of_a_stack_that_is_gone_are_not_shown_as_present(browser: Client, gone: str) -> None:
    values: dict[str, Any] = {gone: timezone.now()}
    environment = make(outputs={"URL": "http://127.0.0.1:8080/"}, **values)
    assert environment.latest
    make_stack(environment.latest, status="CREATE_COMPLETE")

    shown = show(browser, environment, "configuration")

    outputs = shown.one(id="outputs")
    assert "No outputs: the stack no longer exists." in outputs.text
    assert "http://127.0.0.1:8080/" in outputs.one("details").text
    assert not outputs.all("a")
    assert "Succeeded" not in shown.one(id="stacks").text


def test_the_overview_lists_the_latest_incidents_with_their_effects(browser: Client) -> None:
    environment = make_whole()
    Environment.objects.update(created_at=timezone.now() - timedelta(days=2))
    make_past(environment, ("app", timedelta(hours=9), timedelta(minutes=30)))

    incidents = show(browser, environment).one(id="incidents")
    alone = page(browser.get(incidents["hx-get"]))

    for shown in (incidents, alone):
        (row,) = shown.one("tbody").all("tr")
        assert "▲ Degraded App servers: 1 of 2 healthy" in row.text
        assert "ongoing" not in row.text
    assert "Last 24 hours: 97.6 % healthy" in incidents.text


def test_servers_of_different_versions_are_listed_with_each_version(browser: Client, operator: User) -> None:
    shop = make_environment("shop", owner=operator, stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    base = make_deployment(shop, state="succeeded", last_phase="ready", template_digest="a" * 64)
    failed = make_deployment(
        shop, kind="update", state="failed", last_phase="servers", base=base, template_digest="b" * 64
    )
    now = timezone.now()
    release = ServerRelease.objects.create(
        deployment=failed, kind="code", group="group", association="association", started_at=now
    )
    for number, (stage, at) in enumerate((("done", now), ("failed", None), ("gone", None))):
        ReleaseServer.objects.create(
            release=release,
            instance_id=f"i-{number}",
            position=number,
            stage=stage,
            stage_at=now,
            requested_at=now,
            configured_at=at,
        )
    shown = page(browser.get(f"/environments/{shop.pk}/servers", follow=True)).one(id="release-servers")

    assert "Versions of the servers" in shown.text
    assert "i-0 ✓ Done bbbbbbbb" in shown.text
    assert "i-1 ✕ Failed aaaaaaaa" in shown.text
    assert "i-2" not in shown.text

    make_deployment(shop, kind="update", state="succeeded", last_phase="ready", template_digest="b" * 64)
    again = page(browser.get(f"/environments/{shop.pk}/servers", follow=True))
    assert not again.all(id="release-servers")
