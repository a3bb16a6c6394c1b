"""The list of environments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_account, make_deployment, make_environment
from tests.health_builders import make_past
from tests.pages.pages import page, rows

URL = reverse("environments")


def names(client: Client, **query: str) -> list[str]:
    return [row.one("th").text for row in page(client.get(URL, query)).all("tbody")[0].all("tr")]


def make(name: str, state: str = "succeeded", **values: object) -> Environment:
    environment = make_environment(name, **values)
    make_deployment(environment, state=state)
    return environment


def test_an_empty_list_explains_sanso_and_links_to_the_form(browser: Client) -> None:
    shown = page(browser.get(URL)).one("main")

    assert "three-tier environment" in shown.text
    assert {a["href"] for a in shown.all("a", class_="button")} == {reverse("environment_new")}


def test_a_row_has_status_account_age_and_owner(browser: Client, operator: User) -> None:
    environment = make_environment(
        "staging",
        account=make_account("sandbox"),
        owner=operator,
        stack_id="arn:stack",
        stack_status="CREATE_COMPLETE",
        health_word="healthy",
        outputs={"URL": "http://127.0.0.1:8081/"},
    )
    deployment = make_deployment(environment, state="succeeded", requested_by=operator)
    Environment.objects.filter(pk=environment.pk).update(
        created_at=timezone.now() - timedelta(days=3, hours=1)
    )

    response = browser.get(URL)

    (row,) = rows(response)
    for text in (
        "staging",
        "✓ Healthy",
        "sandbox",
        "Create",
        "by ana",
        "3 d",
        " ago",
    ):
        assert text in row
    links = {a["href"] for a in page(response).one("tbody").all("a")}
    assert links == {
        f"/environments/{environment.pk}/",
        f"/deployments/{deployment.pk}/",
        "http://127.0.0.1:8081/",
    }


def test_problems_are_first_then_changes_then_the_rest_newest_first(browser: Client) -> None:
    make("fine-old")
    make("lost", missing_since=timezone.now(), stack_id="arn")
    make("moving", "stacks")
    make("rolled", "rolled_back")
    make("stuck", "preflight", stack_id="")
    make("failed-delete", stack_status="DELETE_FAILED")
    make("fine-new")
    Environment.objects.get(name="stuck").latest.record(attention_code="AccessDenied")  # type: ignore[union-attr]

    assert names(browser) == ["failed-delete", "stuck", "rolled", "lost", "moving", "fine-new", "fine-old"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("problem", ["bad"]),
        ("changing", ["moving"]),
        ("deployed", ["good"]),
        ("nonsense", ["bad", "moving", "good"]),
    ],
)
def test_the_list_can_be_filtered_by_status(browser: Client, status: str, expected: list[str]) -> None:
    make("good")
    make("moving", "stacks")
    make("bad", "failed")

    assert names(browser, status=status) == expected


def test_filters_have_counts_and_mark_the_chosen_one(browser: Client) -> None:
    make("good")
    make("bad", "failed")

    filters = page(browser.get(URL, {"status": "problem"})).all("a", class_="choice")

    assert [one.text for one in filters][:4] == ["All 2", "Problems 1", "In progress 0", "Creation failed 1"]
    assert [one.text for one in filters if "aria-current" in one.attributes] == [
        "Problems 1",
        "All accounts",
        "All versions",
        "Active",
        "Problems first",
    ]


def test_filters_can_be_combined(browser: Client) -> None:
    account = make("good").account
    make("other")

    filters = page(browser.get(URL, {"account": str(account.pk)})).all("a", class_="choice")

    links = {one.text: one["href"] for one in filters}
    assert links["Problems 0"] == f"?account={account.pk}&status=problem"
    assert links["All accounts"] == "?"
    assert names(browser, account=str(account.pk)) == ["good"]


def test_deleted_environments_are_listed_on_request(browser: Client) -> None:
    make("here")
    make("gone", deleted_at=timezone.now())

    assert names(browser) == ["here"]
    assert names(browser, deleted="1") == ["here", "gone"]
    assert "⊖ Deleted" in rows(browser.get(URL, {"deleted": "1"}))[1]


def test_an_empty_result_links_to_the_whole_list(browser: Client) -> None:
    make("good")

    shown = page(browser.get(URL, {"status": "changing"})).one("main")

    assert "No matching environments" in shown.text
    assert URL in {a["href"] for a in shown.all("a", class_="button")}


def test_pages_of_a_long_list_have_every_row_once(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.common.pages.lists.PAGE", 2)
    for name in ("a", "b", "c"):
        make(name)
    make("bad", "failed")

    first = page(browser.get(URL))
    (following,) = [a["href"] for a in first.all("a", class_="button") if a.text == "Next page"]
    second = page(browser.get(URL + following))

    assert [row.one("th").text for row in first.one("tbody").all("tr")] == ["bad", "c"]
    assert [row.one("th").text for row in second.one("tbody").all("tr")] == ["b", "a"]


@pytest.mark.parametrize(
    "query", ["after=x", "after=9-", "after=-", "account=%F0", "account=99999999999999999999"]
)
def test_an_invalid_query_causes_no_error(browser: Client, query: str) -> None:
    make("good")

    assert browser.get(f"{URL}?{query}").status_code == 200


def test_htmx_gets_only_the_rows(browser: Client) -> None:
    make("good")

    response = browser.get(URL, headers={"HX-Request": "true"})

    assert "HX-Request" in response["Vary"]  # otherwise Back would show the fragment as the page
    assert not page(response).all("html")
    assert "good" in rows(response)[0]


def test_the_list_polls_itself_with_its_filters(browser: Client) -> None:
    make("bad", "failed")

    region = page(browser.get(URL, {"status": "problem"})).one(data_live="4")

    assert region["hx-get"] == f"{URL}?status=problem"


def test_a_hundred_environments_cost_as_many_queries_as_one(browser: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert browser.get(URL, {"deleted": "1"}).status_code == 200
        return len(seen)

    make("first")
    few = queries()
    for number in range(8):
        make(f"env{number}", ["failed", "stacks", "succeeded"][number % 3])

    assert queries() == few


def test_an_output_that_is_no_address_is_not_a_link(browser: Client) -> None:
    make("evil", outputs={"URL": "javascript:alert(1)"}, stack_status="CREATE_COMPLETE")

    assert "javascript" not in browser.get(URL).content.decode()


def test_the_list_is_in_japanese(browser: Client) -> None:
    make("good")

    shown = page(browser.get(URL, headers={"Accept-Language": "ja"}))

    assert shown.one("html")["lang"] == "ja"
    assert shown.one("h1").text == "環境"
    assert "不明" in shown.one("tbody").text


def test_a_row_has_one_state_and_why(browser: Client) -> None:
    environment = make("sick", health_word="unhealthy", stack_status="CREATE_COMPLETE")
    Environment.objects.filter(pk=environment.pk).update(
        health_sentence=Message(Code.NO_WRITER, {"where": "site-cluster"}).as_json()
    )

    row = page(browser.get(URL)).one("tr", id=f"environment-{environment.pk}")

    cells = {cell.attributes.get("data-label"): cell.text for cell in row.all("td")}
    assert cells["Status"] == "✕ Unhealthy site-cluster has no writer."
    assert "Health" not in cells


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("in_progress", ["moving", "waits"]),
        ("creation_failed", ["bad"]),
        ("unhealthy", ["sick", "lost"]),
        ("degraded", ["weak"]),
        ("healthy", ["good"]),
        ("changing", ["moving", "waits"]),  # from before there was one state
        ("deployed", ["good"]),
        ("problem", ["sick", "lost", "weak", "bad"]),
        ("nonsense", ["sick", "lost", "weak", "bad", "moving", "waits", "good"]),
    ],
)
def test_a_filter_has_what_the_rows_say(browser: Client, status: str, expected: list[str]) -> None:
    make("good", health_word="healthy")
    waits = make("waits", health_word="unknown")
    Deployment.objects.filter(environment=waits).update(state="scheduled", active_key=None)
    make("moving", "stacks", health_word="degraded")
    make("bad", "failed")
    make("weak", health_word="degraded")
    make("lost", missing_since=timezone.now())
    make("sick", health_word="unhealthy")

    shown = page(browser.get(URL, {"status": status})).all("tbody")[0].all("tr")

    assert [row.one("th").text for row in shown] == expected
    words = {row.one("td", class_="lead").one(class_="word").text for row in shown}
    if status in ("in_progress", "creation_failed", "unhealthy", "degraded", "healthy"):
        assert words == {status.replace("_", " ").capitalize()}


def test_unhealthy_environments_are_first_and_count_as_problems(browser: Client) -> None:
    make("sick", health_word="degraded")
    make("well", health_word="healthy")
    make("unknown")
    make("being-deleted", "stacks", health_word="unhealthy")

    filters = [one.text for one in page(browser.get(URL)).all("a", class_="choice")]

    assert names(browser) == ["sick", "being-deleted", "unknown", "well"]
    assert "Problems 1" in filters
    assert names(browser, status="problem") == ["sick"]


def test_each_row_has_a_health_strip_which_costs_one_query_for_all(browser: Client) -> None:
    one = make("one")
    since_ten_past = timezone.now() - timezone.now().replace(minute=10)
    make_past(one, ("app", timedelta(hours=9) + since_ten_past, timedelta(minutes=10)))  # within one hour

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            browser.get(URL)
        return len(seen)

    few = queries()
    for name in ("two", "three", "four"):
        make_past(make(name))

    assert queries() == few
    shown = page(browser.get(URL))
    strips = {row.one("th").text: row.one("svg", class_="mini") for row in shown.one("tbody").all("tr")}
    assert strips["one"]["aria-label"] == "Last 24 hours: incidents in 1 hour"
    assert strips["two"]["aria-label"] == "Last 24 hours: no incidents"
    bars = strips["one"].all("rect")
    assert len(bars) == 24
    assert sum("is-attention" in bar["class"] for bar in bars) == 1
