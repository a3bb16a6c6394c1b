"""The settings, and *Search or jump to*: what they show to whom. The dialog: tests/flows/test_keyboard.py."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from portal.navigation import places
from tests.builders import make_account, make_deployment, make_environment, make_operator, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    """The browser of a user who may deploy."""
    client.force_login(make_operator("ana"))
    return client


@pytest.fixture
def newcomer(db: None) -> User:
    """A user without a role."""
    return User.objects.create_user("newcomer", password="a long password")


def search(client: Client, text: str) -> dict[str, dict[str, str]]:
    """Return the addresses of the results by their names, by group."""
    shown = page(client.get(reverse("jump"), {"q": text})).one("main")
    return {
        section.one("h2").text: {link.text: link["href"] for link in section.all("a")}
        for section in shown.all("section")
    }


@pytest.fixture
def shop(db: None) -> Environment:
    return make_environment("shop", account=make_account("production", region="eu-west-1"))


def test_environments_are_found_by_a_part_of_the_name(browser: Client, shop: Environment) -> None:
    make_environment("workshop", account=shop.account)
    make_environment("notes", account=shop.account)

    found = search(browser, "SHOP")["Environments"]

    assert list(found) == ["shop", "workshop"]  # what begins with it first
    assert found["shop"] == shop.get_absolute_url()


def test_the_only_environment_has_its_actions_and_tabs(browser: Client, shop: Environment) -> None:
    found = search(browser, "shop")["Actions"]

    assert found["shop · Change…"] == reverse("environment_change", args=[shop.pk])
    assert found["shop · Servers"] == reverse("environment_servers", args=[shop.pk])
    assert found["shop · Delete…"] == reverse("environment_delete", args=[shop.pk])


def test_words_name_an_action_of_one_of_many_environments(browser: Client, shop: Environment) -> None:
    other = make_environment("workshop", account=shop.account)

    found = search(browser, "work database")

    assert found["Actions"] == {"workshop · Database": reverse("environment_database", args=[other.pk])}
    assert "Environments" not in found


@pytest.mark.parametrize("text", ["%d", "#%d"])
def test_a_number_is_that_of_a_deployment(browser: Client, shop: Environment, text: str) -> None:
    deployment = make_deployment(shop)

    found = search(browser, text % deployment.pk)

    assert found["Deployments"] == {f"Deployment {deployment.pk}": deployment.get_absolute_url()}


@pytest.mark.parametrize("text", ["9" * 40, "#", "٣", "\0", "  ", "%", "_", "'; --", "a" * 500])
def test_nothing_is_found_by_what_nothing_is_named(browser: Client, shop: Environment, text: str) -> None:
    assert not set(search(browser, text)) & {"Environments", "Deployments", "Template sets", "Accounts"}


def test_sets_and_accounts_lead_to_their_pages(browser: Client, shop: Environment) -> None:
    source = TemplateSource.objects.create(name="Production set", live_key="production set", kind="git")

    found = search(browser, "product")

    assert found["Template sets"] == {"Production set": source.get_absolute_url()}
    assert found["Accounts"] == {"production": f"{reverse('environments')}?account={shop.account_id}"}


def test_without_words_there_are_the_pages_that_the_person_may_open(client: Client) -> None:
    client.force_login(make_user("vic"))

    found = search(client, "")

    assert {"Environments", "Deployments", "Notifications"} <= set(found["Pages"])
    assert not {"Audit", "Access", "Admin"} & set(found["Pages"])
    assert "Actions" not in found


def test_what_one_may_not_view_is_not_found(client: Client, newcomer: User, shop: Environment) -> None:
    deployment = make_deployment(shop)
    TemplateSource.objects.create(name="shop", live_key="shop", kind="git")
    client.force_login(newcomer)

    for text in ("shop", "production", str(deployment.pk)):
        assert "Nothing matches" in page(client.get(reverse("jump"), {"q": text})).one("main").text


def test_actions_need_their_right(client: Client, shop: Environment) -> None:
    client.force_login(make_user("vic"))

    found = search(client, "shop")["Actions"]

    assert "shop · Servers" in found
    assert not {"shop · Change…", "shop · Delete…"} & set(found)


def test_the_dialog_gets_the_results_alone(browser: Client, shop: Environment) -> None:
    answer = browser.get(reverse("jump"), {"q": "shop"}, headers={"HX-Request": "true"})
    shown = page(answer)

    assert not shown.all("main")
    assert shown.all("a", role="option")[0]["href"] == shop.get_absolute_url()


def test_the_settings_begin_with_the_first_page_that_one_may_open(client: Client, newcomer: User) -> None:
    for person, route in (
        (newcomer, "notifications"),
        (make_operator("ben"), "approval_rules"),
        (make_user("root", is_superuser=True), "aws_accounts"),
    ):
        client.force_login(person)

        answer = client.get(reverse("settings"), follow=True)

        assert answer.redirect_chain == [(reverse(route), 302)]
        shown = page(answer)
        assert shown.one("nav", aria_label="Settings").one("a", aria_current="page")["href"] == reverse(route)
        assert shown.one("nav", aria_label="Main").one("a", aria_current="true").text == "Settings"


@pytest.mark.parametrize("who", ["newcomer", "operator", "root"])
def test_every_page_that_is_shown_opens(client: Client, newcomer: User, who: str) -> None:
    person = {
        "newcomer": lambda: newcomer,
        "operator": lambda: make_operator("ben"),
        "root": lambda: make_user("root", is_staff=True, is_superuser=True),
    }[who]()
    client.force_login(person)

    for place in places(person):
        assert client.get(reverse(place.route)).status_code == 200, place.route
