"""The lists of environments and deployments: search, and orders that the address holds over pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from deployments.models import Label
from deployments.presentation import environment_list
from tests.builders import make_account, make_deployment, make_environment, make_operator
from tests.views.pages import page

pytestmark = pytest.mark.django_db

ENVIRONMENTS, DEPLOYMENTS = reverse("environments"), reverse("deployments")


def names(client: Client, url: str) -> list[str]:
    body = page(client.get(url)).all("tbody")
    return [row.one("th").all("a")[0].text for row in body[0].all("tr")] if body else []


def test_a_search_finds_names_owners_and_labels(browser: Client) -> None:
    shop = make_environment("shop", owner=make_operator("lee"))
    make_environment("billing", owner=make_operator("kim"))
    Label.objects.create(environment=shop, key="team", value="payments")

    for text, found in (("SHO", ["shop"]), ("kim", ["billing"]), ("team=payments", ["shop"]), ("team=x", [])):
        assert names(browser, f"{ENVIRONMENTS}?q={text}") == found
    form = page(browser.get(f"{ENVIRONMENTS}?q=sho&sort=name&after=0-1-a")).one("form", id="search")
    assert [(i["name"], i["value"]) for i in form.all("input")] == [("q", "sho"), ("sort", "name")]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a", "b", "c", "d"]),
        ("owner", ["c", "b", "d", "a"]),
        ("account", ["d", "b", "c", "a"]),
        ("newest", ["d", "c", "b", "a"]),
    ],
)
def test_each_order_continues_on_the_next_page(
    browser: Client, monkeypatch: pytest.MonkeyPatch, sort: str, expected: list[str]
) -> None:
    monkeypatch.setattr(environment_list, "PAGE", 3)
    first, second = make_operator("first"), make_operator("second")
    one, two = make_account("one"), make_account("two")
    make_environment("a", owner=second, account=two)
    make_environment("b", owner=first, account=one)
    make_environment("c", owner=first, account=two)
    make_environment("d", owner=second, account=one)

    shown = page(browser.get(f"{ENVIRONMENTS}?sort={sort}"))
    more = next(a for a in shown.all("a", class_="button") if a.text == "Next page")

    assert [r.one("th").all("a")[0].text for r in shown.one("tbody").all("tr")] == expected[:3]
    assert names(browser, ENVIRONMENTS + more["href"]) == expected[3:]


def test_deployments_are_found_by_environment_user_and_label(browser: Client) -> None:
    shop, other = make_environment("shop"), make_environment("other")
    Label.objects.create(environment=shop, key="team", value="payments")
    first = make_deployment(shop, state="succeeded")
    second = make_deployment(other, state="succeeded", requested_by=make_operator("kim"))

    for text, found in (("shop", [first]), ("kim", [second]), ("team=payments", [first]), ("nothing", [])):
        shown = page(browser.get(DEPLOYMENTS, {"q": text})).one("main")
        links = {a["href"] for a in shown.all("a")}
        assert [one for one in (first, second) if f"/deployments/{one.pk}/" in links] == found
