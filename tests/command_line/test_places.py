"""Pages, lists, the API, the command line and notifications say the same about one fact (docs/facts.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.health.models.balancing import Target
from deployments.health.models.fleet import FleetInstance
from deployments.health.models.site import SiteReads
from deployments.health.steps.observe import history
from deployments.notifications.models import Delivery, NoticeState
from deployments.notifications.rules.topics import Topic
from deployments.notifications.texts.notices import lines
from sanso_cli import session
from sanso_cli.texts import name_of
from tests.builders import make_account, make_deployment
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.health_builders import server_id
from tests.notification_builders import make_target
from tests.pages.pages import page
from tests.previews import make_preview, recorded_changes
from tests.shared_tags import CATCHING, CAUGHT, make_tagged

pytestmark = [pytest.mark.core, pytest.mark.timeout(120)]
GROUP = "AWS::AutoScaling::AutoScalingGroup"


def group_with(effect: Effect) -> Changes:
    """Return the change of a group of servers in the root stack, as of a set without nested stacks."""
    return Changes(
        resources=(ChangedResource(path="Group", action="modify", type=GROUP, effect=effect),),
    )


def test_a_server_that_is_being_replaced_is_called_the_same_everywhere(
    portal: PortalInProcess, shell: Shell, shop: Environment, operator: User, client: Client
) -> None:
    leaving, starting = server_id("app", 0), server_id("app", 1)
    FleetInstance.objects.filter(instance_id=leaving).update(lifecycle="Terminating")
    FleetInstance.objects.filter(instance_id=starting).update(lifecycle="Pending")
    Target.objects.filter(target_id=starting).update(state="initial", reason="Elb.RegistrationInProgress")
    client.force_login(operator)

    shown = page(client.get(shop.get_absolute_url(), follow=True)).text
    found = session.client().get(f"/environments/{shop.pk}/health")
    printed = shell.run("env", "health", "shop")[1]

    (app,) = [one for one in found["tiers"] if one["name"] == "app"]
    assert (app["status"], app["text"]) == ("degraded", found["text"])
    assert app["text"] in shown
    assert app["text"] in printed
    for one in app["components"]:
        assert one["transition"] == ("leaving" if one["key"] == leaving else "starting")
        assert re.search(f"{one['name']} {one['zone']} . {one['transition'].capitalize()} ", shown)
        (row,) = [line for line in printed.splitlines() if one["key"] in line and one["text"] in line]
        assert one["transition"] in row
    assert "Unknown" not in shown


@pytest.mark.parametrize("gone", ["another run", "missing", "deleted"])
def test_the_address_of_a_stack_that_is_gone_is_nowhere(
    portal: PortalInProcess, shell: Shell, shop: Environment, operator: User, client: Client, gone: str
) -> None:
    address, latest = "http://127.0.0.9:8001/", shop.latest
    assert latest
    rows = Environment.objects.filter(pk=shop.pk)
    rows.update(outputs={"SiteUrl": address}, sandbox_run="first")
    client.force_login(operator)
    places: list[Callable[[], str]] = [
        lambda: client.get("/environments/", {"deleted": "1"}, follow=True).content.decode(),
        lambda: client.get(shop.get_absolute_url(), follow=True).content.decode(),
        lambda: client.get(latest.get_absolute_url(), follow=True).content.decode(),
        lambda: str(session.client().get(f"/environments/{shop.pk}")["site_url"]),
        lambda: shell.run("env", "list")[1],
    ]
    assert all(f'"{address}"' in place() or address in place()[-3000:] for place in places)

    if gone == "another run":
        facts = {"instance_id": "second"}
        Account.objects.filter(pk=shop.account_id).update(is_sandbox=True, sandbox_facts=facts)
    else:
        rows.update(**{"missing_since" if gone == "missing" else "deleted_at": timezone.now()})

    assert [number for number, place in enumerate(places) if f'href="{address}"' in place()] == []
    assert session.client().get(f"/environments/{shop.pk}")["site_url"] == ""
    assert address not in shell.run("env", "list")[1]
    assert session.client().get(f"/environments/{shop.pk}")["health"] == "unknown"
    if gone != "deleted":  # whose row has no health
        row = page(client.get("/environments/", follow=True)).one("tr", id=f"environment-{shop.pk}").text
        assert "Unhealthy" in row
        assert "✓" not in row


@pytest.mark.parametrize(
    ("last_phase", "state", "note"),
    [("preflight", "deployed", ""), ("stacks", "problem", "Delete {latest}: Deletion failed")],
)
def test_a_deletion_that_fails_in_its_preflight_leaves_no_problem(
    portal: PortalInProcess,
    shell: Shell,
    shop: Environment,
    operator: User,
    client: Client,
    last_phase: str,
    state: str,
    note: str,
) -> None:
    make_deployment(shop, kind="delete", state="failed", last_phase=last_phase, active_key=None)
    client.force_login(operator)

    listed = page(client.get("/environments/", {"status": "problem"}, follow=True))
    (found,) = session.client().items("/environments")

    assert found["state"] == state
    assert name_of(found["status"]) in shell.run("env", "list")[1]
    assert bool(listed.all(id=f"environment-{shop.pk}-name")) is (state == "problem")
    shown = page(client.get(shop.get_absolute_url(), follow=True))
    assert name_of(found["status"]).capitalize() in shown.one(id="state").text
    assert (found["note"] or {}).get("text", "") == note.format(latest=shop.latest_id)
    assert bool(shown.all(id="cause")) is (state == "problem")


@pytest.mark.parametrize(
    ("kind", "state", "cancels", "expected"),
    [
        ("update", "rolled_back", True, "deployed"),
        ("rollback_update", "succeeded", False, "deployed"),
        ("update", "rolled_back", False, "problem"),
    ],
)
def test_a_deletion_that_fails_in_its_preflight_leaves_the_result_of_the_update_before_it(
    portal: PortalInProcess,
    shell: Shell,
    shop: Environment,
    operator: User,
    client: Client,
    kind: str,
    state: str,
    cancels: bool,
    expected: str,
) -> None:
    """The stack has the status UPDATE_ROLLBACK_COMPLETE in each case."""
    Environment.objects.filter(pk=shop.pk).update(stack_status="UPDATE_ROLLBACK_COMPLETE")
    now = timezone.now()
    at = now if cancels else None
    make_deployment(shop, kind=kind, state=state, last_phase="stacks", cancel_accepted_at=at, ended_at=now)
    make_deployment(shop, kind="delete", state="failed", last_phase="preflight", error_code="AccessDenied")
    client.force_login(operator)

    (found,) = session.client().items("/environments")
    listed = page(client.get("/environments/", {"status": "problem"}, follow=True))

    assert found["state"] == expected
    assert name_of(found["status"]) in shell.run("env", "list")[1]
    assert bool(listed.all(id=f"environment-{shop.pk}-name")) is (expected == "problem")


def test_the_failure_of_a_creation_stays_after_a_deletion_that_failed_in_its_preflight(
    portal: PortalInProcess, shop: Environment, operator: User, client: Client
) -> None:
    Environment.objects.filter(pk=shop.pk).update(stack_status="CREATE_FAILED")
    created = make_deployment(
        shop, state="failed", last_phase="stacks", error_code="StackFailed", error_message="No capacity."
    )
    shown = _failure_shown(client, operator, shop)
    make_deployment(shop, kind="delete", state="failed", last_phase="preflight", error_code="AccessDenied")

    assert _failure_shown(client, operator, shop) == shown == ("No capacity.", created.get_absolute_url())
    (found,) = session.client().items("/environments")
    assert found["state"] == "problem"


def _failure_shown(client: Client, operator: User, environment: Environment) -> tuple[str, str]:
    """Return the message of the failure on an environment's page, and the deployment that it leads to."""
    client.force_login(operator)
    shown = page(client.get(environment.get_absolute_url(), follow=True))
    (link,) = [one for one in shown.all("a") if one.text == "View deployment"]
    return shown.one(id="cause").one(**{"class": "failure-message"}).text, link["href"]


def release_of(kind: ReleaseKind, **values: Any) -> Release:
    return Release(kind=kind, reason=Message(Code.RELEASE_SET_UNKNOWN), stack="AppServers", **values)


@pytest.mark.parametrize(
    ("changes", "release", "likelihood"),
    [
        (group_with(Effect.REPLACED), None, "expected"),
        (group_with(Effect.MAY_BE_REPLACED), release_of(ReleaseKind.NONE), "possible"),
        (group_with(Effect.UPDATED), release_of(ReleaseKind.CODE, servers=2), "not_expected"),
        (Changes(), release_of(ReleaseKind.DISRUPTIVE, servers=1, interrupts=True), "expected"),
        (recorded_changes("traffic"), None, "not_expected"),
    ],
)
def test_a_preview_has_one_outage_on_its_page_in_the_api_and_on_the_command_line(
    portal: PortalInProcess,
    shell: Shell,
    shop: Environment,
    operator: User,
    client: Client,
    changes: Changes,
    release: Release | None,
    likelihood: str,
) -> None:
    stored = changes.to_json() | ({"release": release.to_json()} if release else {})
    preview = make_preview(shop, changes=stored)
    client.force_login(operator)

    shown = page(client.get(f"/deployments/{preview.pk}/", follow=True))
    found = session.client().get(f"/deployments/{preview.pk}/preview")
    printed = " ".join(shell.run("approve", str(preview.pk))[1].split())

    assert found["outage"]["likelihood"] == likelihood
    assert f"Outage: {found['outage']['text']}" in printed
    assert found["assessment"]["text"] in printed
    assert shown.one(id="assessment").text == found["assessment"]["text"]
    assert shown.one(id="outage").text == found["outage"]["text"]
    assert found["tiers"]
    for tier in found["tiers"]:
        assert f"{tier['name']}: {tier['text']} Outage: {tier['outage']['text']}" in printed
        if changes.resources:
            assert release or tier["text"] in shown.one(id="changes-body").text
    if release:
        card = shown.one(id="release").text
        assert f"{found['release']['label']}: {found['release']['text']}" in printed
        for text in (found["release"]["label"], *found["release"]["steps"]):
            assert text in card
            assert text in printed


def test_page_and_command_line_say_what_the_values_before_do_not_include(
    portal: PortalInProcess, shell: Shell, shop: Environment, operator: User, client: Client
) -> None:
    preview = make_preview(shop, "scale")
    client.force_login(operator)

    shown = page(client.get(f"/deployments/{preview.pk}/", follow=True)).text
    printed = " ".join(shell.run("approve", str(preview.pk))[1].split())

    for text in ("Before is what CloudFormation deployed last.", "this change may overwrite"):
        assert text in shown
        assert text in printed


def test_servers_that_two_environments_share_are_named_the_same_before_anything_is_created(
    portal: PortalInProcess, shell: Shell, operator: User, client: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.SANSO_TEMPLATE_SET = tmp_path / "tagged"
    account = make_account("production")
    make_tagged(account, tmp_path / "tagged")
    client.force_login(operator)

    shown = page(client.get(reverse("environment_new"))).one(id="caught")
    body = {"name": "new", "account": account.pk}
    found = session.client().post("/environment-checks", body)["caught"]
    code, printed, _ = shell.run("deploy", "new", "--account", "production", "--plan")

    assert [one["text"] for one in found] == [CAUGHT, CATCHING] == [one.text for one in shown.all("p")]
    assert [(one["is_own"], one["environment"], one["servers"], one["count"]) for one in found] == [
        (True, "shop", "i-shop", 1),
        (False, "shop", "Group", 1),
    ]
    assert (code, printed.count("▲ The targets of association Configure")) == (2, 2)
    joined = " ".join(printed.split())
    assert CAUGHT in joined
    assert CATCHING in joined
    assert not Environment.objects.filter(name="new").exists()


def test_a_resource_that_is_listed_but_probably_stays_is_called_so_everywhere(
    portal: PortalInProcess, shell: Shell, shop: Environment, operator: User, client: Client
) -> None:
    """Databases are listed by themselves, other resources that stay are folded."""
    preview = make_preview(shop, "traffic")
    client.force_login(operator)

    found = session.client().get(f"/deployments/{preview.pk}/preview")
    printed = shell.run("approve", str(preview.pk))[1]
    shown = page(client.get(f"/deployments/{preview.pk}/", follow=True)).text

    rows = {one["path"]: one for one in found["resources"]}
    staying = {path for path, one in rows.items() if one["is_probably_unchanged"]}
    assert any(rows[path]["effect"] == "updated" for path in staying)
    assert any(rows[path]["effect"] == "unchanged" for path in staying)
    assert f"{found['counts']['unchanged']} probably unchanged" in printed
    assert f"{found['counts']['unchanged']} probably unchanged" in shown
    for path, one in rows.items():
        (line,) = [line for line in printed.splitlines() if f" {path} " in line]
        assert line.startswith("probably unchanged ") == (one["effect"] == "unchanged"), one
        assert ("Probably unchanged; listed because it holds data" in line) == (
            path in staying and one["effect"] == "updated"
        ), one
    for path in staying:
        if rows[path]["effect"] == "updated":
            name = path.rpartition("/")[2]
            assert re.search(rf"{name} .{{0,200}}Probably unchanged; listed because it holds data", shown)
    assert "– → –" not in printed


def test_the_rule_that_requests_lack_is_named_in_the_same_words_everywhere(
    portal: PortalInProcess, shell: Shell, shop: Environment, operator: User, client: Client
) -> None:
    values = {"source": "app i-app", "destination": "shop-db", "lacking": "sg-1 (db)", "peer": "sg-2"}
    lost = Message(Code.PATH_NO_INBOUND_RULE, values | {"traffic": "TCP 3306"})
    now = timezone.now()
    SiteReads.objects.create(
        environment=shop,
        start=now,
        latest_at=now,
        latest_reads=4,
        latest_failed=4,
        missing_path=lost.as_json(),
    )
    seen = {"notified": "healthy", "seen": "unhealthy", "since": (now - timedelta(hours=1)).isoformat()}
    NoticeState.objects.create(key=f"health:{shop.pk}", values=seen)
    make_target("https://hooks.example.com/")
    history.keep(shop, now, changed=True)
    client.force_login(operator)

    sentence = "app i-app cannot reach shop-db: no inbound rule of sg-1 (db) allows TCP 3306 from sg-2."
    shown = page(client.get(shop.get_absolute_url(), follow=True)).text
    found = session.client().get(f"/environments/{shop.pk}/health")
    notice = Delivery.objects.get(topic=Topic.HEALTH_CHANGED)

    assert shown.count(sentence) >= 1
    assert {one["text"] for one in found["tiers"] if one["name"] == "site"} == {sentence} == {found["text"]}
    assert sentence in shell.run("env", "health", "shop")[1]
    assert sentence in lines(notice.topic, notice.payload)
