"""The list of all deployments."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.builders import make_deployment, make_environment
from tests.pages.pages import page, rows
from tests.query_plans import plan, queries_of, reading, sorts

URL = reverse("deployments")


def test_an_empty_history_is_explained(browser: Client) -> None:
    shown = page(browser.get(URL)).one("main")

    assert "No deployments yet" in shown.text
    assert reverse("environment_new") in [link["href"] for link in shown.all("a", class_="button")]


def test_deployments_of_all_environments_are_listed_newest_first(browser: Client) -> None:
    make_deployment(make_environment("one"), state="succeeded", reason="the first")
    make_deployment(make_environment("two"), state="failed", kind="delete", reason="the second")

    second, first = rows(browser.get(URL))

    assert "two" in second
    assert "✕ Failed" in second
    assert "the second" in second
    assert "✓ Succeeded" in first


@pytest.mark.parametrize(("status", "count"), [("active", 1), ("problems", 2), ("", 4), ("nonsense", 4)])
def test_the_list_can_be_filtered_by_status(browser: Client, status: str, count: int) -> None:
    for state in ("stacks", "failed", "rolled_back", "succeeded"):
        make_deployment(state=state)

    assert len(rows(browser.get(URL, {"status": status}))) == count


def test_the_list_can_be_filtered_by_environment(browser: Client) -> None:
    one = make_deployment(make_environment("one"), state="succeeded").environment
    make_deployment(make_environment("two"))

    response = browser.get(URL, {"environment": str(one.pk)})

    assert len(rows(response)) == 1
    assert "one" in page(response).one(class_="headline").text


def test_pages_have_every_row_once(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.common.pages.lists.PAGE", 2)
    for number in range(5):
        make_deployment(make_environment(f"env{number}"), state="failed")

    seen, following = [], "?status=problems"
    while following:
        shown = page(browser.get(URL + following))
        seen += [row.all("a")[1].text for row in shown.one("tbody").all("tr")]
        following = "".join(a["href"] for a in shown.all("a", class_="button") if a.text == "Next page")

    assert seen == ["env4", "env3", "env2", "env1", "env0"]


def test_more_rows_cost_no_more_queries(browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            browser.get(URL)
        return len(seen)

    make_deployment(state="failed")
    few = queries()
    for _ in range(5):
        make_deployment(state="succeeded")

    assert queries() == few


def test_htmx_gets_only_the_rows(browser: Client) -> None:
    make_deployment()

    assert not page(browser.get(URL, headers={"HX-Request": "true"})).all("html")


@pytest.mark.parametrize(
    "query", ["after=x", "environment=x", "environment=4711", "after=99999999999999999999"]
)
def test_an_invalid_query_causes_no_error(browser: Client, query: str) -> None:
    assert browser.get(f"{URL}?{query}").status_code == 200


@pytest.mark.core
@pytest.mark.parametrize("query", [{}, {"status": "problems"}, {"after": "1000"}])
def test_deployments_are_read_in_their_order_without_joins(browser: Client, query: dict[str, str]) -> None:
    for state in ("failed", "succeeded", "rolled_back"):
        make_deployment(state=state)

    (sql,) = reading(queries_of(browser, URL, **query), "deployment")

    assert "JOIN" not in sql.partition("WHERE")[0]
    assert query.get("status") or not sorts(sql), plan(sql)


@pytest.mark.core
def test_an_index_finds_deployments_by_their_status(browser: Client) -> None:
    make_deployment(state="stacks")

    (sql,) = reading(queries_of(browser, URL, status="active"), "deployment")

    assert "deployments_by_state" in plan(sql)
