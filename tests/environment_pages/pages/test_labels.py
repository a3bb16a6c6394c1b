"""The pages on which labels are set and shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.access.models.grants import Label
from deployments.access.models.permissions import can_create
from tests.builders import make_account, make_environment, make_grant, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db

PARAMETERS = {
    "parameter_Size": "small",
    "parameter_Count": "2",
    "parameter_Fast": "true",
    "parameter_Database": "app",
    "parameter_Password": "a long password",
    "parameter_Token": "",
    "parameter_Zones": "a,b",
    "parameter_Certificate": "",
}


def test_labels_are_changed_on_their_page_and_shown_on_the_environments(
    browser: Client, operator: User
) -> None:
    environment = make_environment("shop", stack_id="arn", stack_status="CREATE_COMPLETE")
    url = reverse("environment_labels", args=[environment.pk])

    wrong = browser.post(url, {"labels": "payments"})
    response = browser.post(url, {"labels": "team=payments\nenv=test"}, follow=True)

    assert wrong.status_code == 422
    assert "is not a label" in page(wrong).one("main").text
    card = page(response).one("section", id="labels")
    assert [a.text.strip() for a in card.one("ul").all("a")] == ["env=test", "team=payments"]
    assert "env=test team=payments" in page(browser.get(url)).one("textarea").text


def test_a_label_in_the_list_filters_the_list(browser: Client) -> None:
    ours, _other = make_environment("ours"), make_environment("other")
    Label.objects.create(environment=ours, key="team", value="a b")

    (link,) = page(browser.get(reverse("environments"))).one("tbody").all("a", class_="id")
    filtered = page(browser.get(link["href"]))

    assert [row.one("th").all("a")[0].text for row in filtered.one("tbody").all("tr")] == ["ours"]
    assert "Label: team=a b" in filtered.one(class_="set-filters").text


@pytest.mark.usefixtures("template_set")
@pytest.mark.parametrize(("typed", "status"), [("", 422), ("team=b", 422), ("team=a", 302)])
def test_a_new_environment_needs_a_label_of_the_users_role(client: Client, typed: str, status: int) -> None:
    account = make_account()
    user = make_grant(make_user(), role="deployer", scope="label", label_key="team", label_value="a")
    client.force_login(user)
    url = reverse("environment_new")
    form = page(client.get(url))
    key = form.one("form", id="new-environment").one("input", name_="request_key")["value"]
    values = {"name": "shop", "account": account.pk, "labels": typed, "request_key": key}

    response = client.post(url, values | PARAMETERS)

    assert form.one("textarea", id="id_labels").text.strip() == "team=a"
    assert response.status_code == status
    if status == 422:
        assert "one of these labels here: team=a" in page(response).one("ul", id="id_labels_error").text


@pytest.mark.usefixtures("template_set")
def test_the_form_offers_the_accounts_in_which_one_can_create_and_no_other(client: Client) -> None:
    ours, theirs = make_account("ours"), make_account("theirs")
    inside = make_environment("inside", account=ours)
    label = {"scope": "label", "label_key": "team", "label_value": "a"}
    cases: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"scope": "account", "account": ours}, []),
        (label, [("team", "a")]),
        ({}, []),
    ]
    for number, (given, labels) in enumerate(cases):
        user = make_grant(User.objects.create_user(f"u{number}"), role="deployer", **given)
        make_grant(user, role="viewer")  # the right to view an account does not allow creating in it
        client.force_login(user)
        shown = page(client.get(reverse("environment_new"))).one("select", id="id_account").all("option")
        can = [str(one.pk) for one in (ours, theirs) if can_create(user, one, labels)]
        assert [option["value"] for option in shown] == can
    of_one = make_grant(
        User.objects.create_user("one"), role="deployer", scope="environment", environment=inside
    )
    client.force_login(of_one)
    assert not page(client.get(reverse("environment_new"))).all("select", id="id_account")
