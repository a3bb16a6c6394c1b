"""The sandbox console: permissions, injected failures, errors."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.environments.models.accounts import Account
from tests.builders import make_account, make_environment, make_operator, make_user
from tests.pages.pages import Element, page
from tests.services import Sandbox, free_port

pytestmark = pytest.mark.django_db
URL = "/sandbox/"
RESOURCE = {"form": "resource", "logical_id": "DBCluster", "operation": "create", "reason": "Quota."}
ASSOCIATION = {"form": "association", "name": "web", "where": "all", "printed": "TASK\r\nfatal\r\n"}
API = {"form": "api", "service": "ssm", "action": "GetParameters", "mode": "throttle", "count": "3"}


@pytest.fixture
def account(sandbox_account: str) -> Account:
    return make_account("sandbox", is_sandbox=True, sandbox_account_id=sandbox_account)


@pytest.fixture
def browser(client: Client, account: Account) -> Client:
    """The browser of a user who may deploy."""
    user = make_operator("ana")
    client.force_login(user)
    return client


def faults(sandbox: Sandbox, account: Account | None) -> dict[str, Any]:
    found: Any = sandbox.control("GET", "faults", account=account.sandbox_account_id if account else "")
    return dict(found)


def submit(browser: Client, values: dict[str, str]) -> Element:
    """Send a valid form, and return the page that follows."""
    response = browser.post(URL, values, follow=True)
    assert response.status_code == 200, page(response).one("main").text
    return page(response)


def submit_invalid(browser: Client, values: dict[str, str]) -> Element:
    """Send an invalid form, and return the page that displays it again."""
    response = browser.post(URL, values)
    assert response.status_code == 422
    return page(response)


def field(shown: Element, form: str, name: str) -> Element:
    return shown.one(id=f"form-{form}-{name}")


def error(shown: Element, form: str, name: str) -> str:
    """Return the error of a field; assert that the field references it as its description."""
    reported = shown.one(id=f"form-{form}-{name}_error")
    assert reported["id"] in field(shown, form, name)["aria-describedby"]
    assert field(shown, form, name)["aria-invalid"] == "true"
    return reported.text


def remove(browser: Client, shown: Element, button: str) -> Element:
    """Press the button of a list, and return the page that follows."""
    (form,) = [form for form in shown.all("form") if form.text == button]
    values = {one["name"]: one["value"] for one in form.all("input")}
    return page(browser.post(form["action"], values, follow=True))


def test_viewers_may_not_open_the_console(client: Client, account: Account, sandbox: Sandbox) -> None:
    client.force_login(make_user("vic"))

    for response in (
        client.get(URL),
        client.post(URL, RESOURCE),
        client.post(reverse("sandbox_remove_faults"), {"kind": "all"}),
        client.post(reverse("sandbox_machine", args=["i-0"]), {"action": "kill"}),
        client.post(reverse("sandbox_database", args=["c"]), {"action": "failover"}),
        client.get(reverse("sandbox_log", args=["i-0"])),
    ):
        assert response.status_code == 403
        assert "Create environments" in page(response).one("main").text
    assert not faults(sandbox, account)["resources"]


def test_the_console_needs_a_login(client: Client, account: Account) -> None:
    assert client.get(URL)["Location"] == f"{reverse('login')}?next={URL}"


def test_forms_of_other_sites_are_rejected(browser: Client, account: Account, sandbox: Sandbox) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    assert strict.post(URL, RESOURCE).status_code == 403
    assert not faults(sandbox, account)["resources"]


def test_the_settings_link_to_the_console_for_operators(browser: Client, account: Account) -> None:
    viewer = Client()
    viewer.force_login(make_user("vic"))
    settings, link = "/notifications/", {"href": URL}

    assert page(browser.get(settings)).one("nav", aria_label="Settings").all("a", **link)
    shown = page(browser.get(URL))
    assert shown.one("nav", aria_label="Settings").one("a", aria_current="page")["href"] == URL
    assert shown.one("nav", aria_label="Main").one("a", aria_current="true").text == "Settings"
    assert not page(viewer.get(settings)).all("a", **link)
    Account.objects.update(is_sandbox=False)
    assert not page(browser.get(settings)).all("a", **link)


def test_the_note_of_an_environment_links_to_the_console(browser: Client, account: Account) -> None:
    shown = page(browser.get(make_environment("shop", account=account).get_absolute_url()))

    assert shown.one(id="sandbox").one("a")["href"] == f"{URL}?account={account.pk}"


def test_without_a_sandbox_account_the_page_explains_how_to_add_one(browser: Client) -> None:
    Account.objects.update(is_sandbox=False)

    assert "ensure_sandbox_account" in page(browser.get(URL)).one("main").text


def test_empty_lists_are_explained(browser: Client) -> None:
    shown = page(browser.get(URL))

    assert "Deploy an environment" in shown.one(id="machines").text
    assert "No databases in this account" in shown.one(id="databases").text
    assert [shown.one(id=f"{part}-none").text for part in ("resources", "associations", "api")] == [
        "No resource failures are active.",
        "No association failures are active.",
        "No API failures are active.",
    ]


def test_a_failure_of_a_resource_is_injected_and_removed(
    browser: Client, account: Account, sandbox: Sandbox
) -> None:
    shown = submit(browser, RESOURCE)

    assert faults(sandbox, account)["resources"] == {"DBCluster": "Quota."}
    assert "DBCluster when it is created Quota." in shown.one(id="resources-list").text
    assert "Failure injected: DBCluster." in shown.one(class_="messages").text
    shown = remove(browser, shown, "Remove DBCluster")
    assert not faults(sandbox, account)["resources"]
    assert shown.all(id="resources-none")


def test_a_resource_can_fail_in_other_operations(browser: Client, account: Account, sandbox: Sandbox) -> None:
    shown = submit(browser, RESOURCE | {"operation": "delete"})

    assert faults(sandbox, account)["resources"] == {"delete:DBCluster": "Quota."}
    assert "DBCluster when it is deleted" in shown.one(id="resources-list").text


def test_resources_of_the_templates_are_suggested(browser: Client) -> None:
    suggested = {option["value"] for option in page(browser.get(URL)).one(id="logical-ids").all("option")}

    assert {"WebServerAssociation", "HttpListener"} <= suggested


@pytest.mark.parametrize(
    ("typed", "on", "message"),
    [
        ({"where": "all"}, True, "on all instances"),
        ({"where": "first", "number": "2"}, 2, "on the first 2 instances"),
        ({"where": "chosen", "instances": "i-0a, i-0b"}, ["i-0a", "i-0b"], "on i-0a, i-0b"),
    ],
)
def test_an_association_fails_on_the_chosen_instances(
    browser: Client, account: Account, sandbox: Sandbox, typed: dict[str, str], on: object, message: str
) -> None:
    shown = submit(browser, ASSOCIATION | typed)

    fault = faults(sandbox, account)["associations"]["web"]
    assert (fault["on"], fault["stdout"]) == (on, "TASK\nfatal\n")
    assert f"web {message}" in shown.one(id="associations-list").text
    assert "fatal" in shown.one(id="associations-list").one("pre", aria_label="stdout").text
    remove(browser, shown, "Remove web")
    assert not faults(sandbox, account)["associations"]


def test_the_output_of_an_association_has_a_realistic_default(browser: Client) -> None:
    printed = field(page(browser.get(URL)), "association", "printed").text

    assert "fatal: [localhost]: FAILED!" in printed
    assert "PLAY RECAP" in printed


def test_failures_of_api_calls_are_injected_and_removed(
    browser: Client, account: Account, sandbox: Sandbox
) -> None:
    submit(browser, RESOURCE)
    shown = submit(browser, API)

    (fault,) = faults(sandbox, account)["api"]
    assert (fault["service"], fault["action"], fault["mode"], fault["count"]) == (
        "ssm",
        "GetParameters",
        "throttle",
        3,
    )
    assert "3 calls left" in shown.one(id="api-list").text
    remove(browser, shown, "Remove all")
    assert not faults(sandbox, account)["api"]
    assert faults(sandbox, account)["resources"]  # of another kind, still active


def test_only_temporary_faults_can_be_chosen(browser: Client) -> None:
    modes = [option["value"] for option in field(page(browser.get(URL)), "api", "mode").all("option")]

    assert modes == ["throttle", "denied", "error_before", "error_after", "timeout"]


def test_all_failures_are_removed_at_once(browser: Client, account: Account, sandbox: Sandbox) -> None:
    for values in (RESOURCE, ASSOCIATION, API):
        shown = submit(browser, values)
    assert "3 active faults" in shown.one(id="in-force").text

    shown = remove(browser, shown, "Remove all faults")

    assert not any(faults(sandbox, account).values())
    assert not shown.all(id="in-force")


def test_failures_of_every_account_are_listed_and_removed(
    browser: Client, account: Account, sandbox: Sandbox
) -> None:
    sandbox.control("POST", "faults", {"resources": {"Vpc": "No."}, "associations": {"app": 1}})
    try:
        shown = page(browser.get(URL))
        assert "in every account" in shown.one(id="resources-list").text
        remove(browser, shown, "Remove Vpc")
        shared = faults(sandbox, None)
        assert (shared["resources"], list(shared["associations"])) == ({}, ["app"])
        remove(browser, page(browser.get(URL)), "Remove all faults")
        assert not any(faults(sandbox, None).values())
    finally:
        sandbox.control("POST", "faults", {"resources": {"Vpc": None}, "associations": {"app": None}})


def test_the_time_scale_of_the_account_is_changed(
    browser: Client, account: Account, sandbox: Sandbox
) -> None:
    shown = submit(browser, {"form": "pace", "pace": "3"})

    about: Any = sandbox.control("GET", "about", account=account.sandbox_account_id)
    assert about["pace"] == 3
    assert "About 4 times as fast as AWS." in shown.one(id="pace").text
    others: Any = sandbox.control("GET", "about", account="123123123123")
    assert others["pace"] == 0


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        (RESOURCE | {"logical_id": "DB Cluster!"}, "logical_id", "letters and digits only"),
        (RESOURCE | {"logical_id": ""}, "logical_id", "required"),
        (RESOURCE | {"reason": ""}, "reason", "required"),
        (ASSOCIATION | {"name": "web servers"}, "name", "valid association name"),
        (ASSOCIATION | {"where": "first", "number": ""}, "number", "number of instances"),
        (ASSOCIATION | {"where": "first", "number": "0"}, "number", "1"),
        (ASSOCIATION | {"where": "chosen", "instances": " , "}, "instances", "at least one"),
        (ASSOCIATION | {"where": "chosen", "instances": "i-0a, web"}, "instances", "web"),
        (API | {"action": "describe stacks"}, "action", "DescribeStacks"),
        (API | {"count": "0"}, "count", "1"),
        (API | {"mode": "hold_before"}, "mode", "hold_before"),
        ({"form": "pace", "pace": "-1"}, "pace", "0"),
        ({"form": "pace", "pace": "nan"}, "pace", "number"),
    ],
)
def test_invalid_input_has_an_error_at_its_field_and_is_kept(
    browser: Client, account: Account, sandbox: Sandbox, values: dict[str, str], name: str, message: str
) -> None:
    shown = submit_invalid(browser, values)

    form = values["form"]
    assert message in error(shown, form, name)
    assert shown.one(role="alert").one("a")["href"] == f"#form-{form}-{name}"
    assert shown.one("title").text.startswith("✕ ")
    for key in set(values) - {"form", "where", "mode", "operation", "service"}:
        kept = field(shown, form, key)
        assert (kept.text if kept.name == "textarea" else kept.attributes.get("value", "")).split() == (
            values[key].split()
        )
    assert not any(faults(sandbox, account).values())


def test_an_unknown_form_is_not_found(browser: Client) -> None:
    assert browser.post(URL, {"form": "weather"}).status_code == 404


def test_an_account_that_is_no_sandbox_is_not_found(browser: Client) -> None:
    real = make_account("real")

    for requested in (str(real.pk), "x", "999999999999"):
        assert browser.get(URL, {"account": requested}).status_code == 404


def test_two_sandbox_accounts_can_be_chosen_from(browser: Client, account: Account, sandbox: Sandbox) -> None:
    assert not page(browser.get(URL)).all(id="account")
    second = make_account("second", is_sandbox=True, sandbox_account_id="555566667777")
    try:
        shown = page(browser.get(URL, {"account": second.pk}))
        chosen = [
            one["value"] for one in shown.one(id="account").all("option") if "selected" in one.attributes
        ]
        assert chosen == [str(second.pk)]
        form = shown.one(id="resource-form").one("form")
        browser.post(form["action"], RESOURCE)
        assert faults(sandbox, second)["resources"]
        assert not faults(sandbox, account)["resources"]
    finally:
        sandbox.control("DELETE", "faults", account="555566667777")


def test_refreshing_the_lists_keeps_the_input(browser: Client) -> None:
    submit(browser, RESOURCE)

    fresh = page(browser.get(URL, headers={"HX-Request": "true"}))

    assert fresh.all(id="resources-list")
    assert not fresh.all("h1")
    kept = fresh.one(id="resource-form")
    assert "data-kept" in kept.attributes
    assert not kept.all("form")


def test_a_sandbox_that_is_down_is_reported_and_the_input_is_kept(
    browser: Client, settings: Settings
) -> None:
    settings.SANSO_SANDBOX_URL = f"http://127.0.0.1:{free_port()}"

    shown = page(browser.get(URL))
    assert "Sandbox not responding" in shown.one(id="silent").text
    assert settings.SANSO_SANDBOX_URL in shown.one(id="silent").text
    assert not shown.all(id="resources-none")  # unknown without a response

    shown = submit_invalid(browser, RESOURCE)
    assert (
        "The sandbox is not responding; nothing was changed."
        in shown.one(role="alert", class_="summary").text
    )
    assert field(shown, "resource", "logical_id")["value"] == "DBCluster"

    shown = page(browser.post(reverse("sandbox_remove_faults"), {"kind": "all"}, follow=True))
    assert "nothing was changed" in shown.one(class_="messages").text
    log = browser.get(reverse("sandbox_log", args=["i-0"]), headers={"HX-Request": "true"})
    assert "not responding" in page(log).text


def test_an_error_of_the_sandbox_is_displayed(browser: Client) -> None:
    shown = page(browser.post(reverse("sandbox_machine", args=["i-0"]), {"action": "kill"}, follow=True))
    assert "The sandbox rejected the request: there is no i-0." in shown.one(class_="messages").text
    shown = page(browser.post(reverse("sandbox_database", args=["c"]), {"action": "dance"}, follow=True))
    assert "database of a cluster c" in shown.one(class_="messages").text


def test_the_page_is_in_japanese(browser: Client) -> None:
    shown = page(browser.get(URL, headers={"Accept-Language": "ja"}))

    assert shown.one("h1").text == "サンドボックス"
    assert "失敗" in shown.one(id="resources").text


def test_the_page_has_no_inline_styles_or_scripts(browser: Client) -> None:
    shown = page(browser.get(URL))

    assert all(script.attributes.get("src") for script in shown.all("script"))
    assert not [e for e in shown.all() if "style" in e.attributes or e.name == "style"]
    assert not [e for e in shown.all() if any(name.startswith("on") for name in e.attributes)]
