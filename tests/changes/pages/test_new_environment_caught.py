"""The form of a new environment names servers that tags share with other environments, before it deploys."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_account, make_grant
from tests.pages.pages import Element, page
from tests.shared_tags import CATCHING, CAUGHT, make_tagged

URL = reverse("environment_new")


@pytest.fixture
def account(db: None) -> Account:
    return make_account("production")


@pytest.fixture
def shop(account: Account, tmp_path: Path, settings: Any) -> Environment:
    settings.SANSO_TEMPLATE_SET = tmp_path / "set"
    return make_tagged(account, tmp_path / "set")


def filled(account: Account, **values: str) -> dict[str, str]:
    form = {"account": str(account.pk), "name": "new", "request_key": str(uuid.uuid4())}
    return form | {"parameter_Size": "small", "parameter_Role": "web"} | values


def note(shown: Element) -> list[str]:
    return [one.text for one in shown.one(id="caught").all("p")]


def test_the_form_names_both_directions(browser: Client, account: Account, shop: Environment) -> None:
    assert note(page(browser.get(URL))) == [CAUGHT, CATCHING]


def test_it_deploys_at_once_what_its_page_has_named(
    browser: Client, account: Account, shop: Environment
) -> None:
    shown = page(browser.get(URL))
    named = shown.one("input", name="caught")["value"]

    assert browser.post(URL, filled(account, caught=named)).status_code == 302


def test_it_deploys_nothing_before_its_page_has_named_them(
    browser: Client, account: Account, shop: Environment
) -> None:
    response = browser.post(URL, filled(account))

    shown = page(response)
    assert (response.status_code, note(shown)) == (422, [CAUGHT, CATCHING])
    assert "Read the note, then choose Deploy again." in shown.text
    assert not Environment.objects.filter(name="new").exists()
    named = shown.one("input", name="caught")["value"]
    assert browser.post(URL, filled(account, caught=named)).status_code == 302
    assert Deployment.objects.latest("pk").environment.name == "new"


def test_the_note_follows_the_account_and_the_values(
    browser: Client, account: Account, shop: Environment
) -> None:
    other = make_account("other")
    expected = reverse("environment_expected")

    swapped = page(browser.get(expected, {"account": account.pk}))
    assert swapped.one(id="caught")["hx-swap-oob"] == "true"
    assert note(swapped) == [CAUGHT, CATCHING]
    assert note(page(browser.get(expected, {"account": other.pk}))) == []
    assert browser.post(URL, filled(account, parameter_Role="batch")).status_code == 302


def test_an_environment_that_may_not_be_viewed_is_counted_but_not_named(
    client: Client, account: Account, shop: Environment
) -> None:
    user = make_grant(
        User.objects.create_user("ben"), role="deployer", scope="label", label_key="team", label_value="a"
    )
    client.force_login(user)

    shown = page(client.get(URL))

    assert "also match 1 server of others: i-shop" in note(shown)[0]
    assert "association Configure of another environment, Role=web" in note(shown)[1]
    assert "environment shop" not in shown.text
