"""Lists in Django's admin read one page of a table, not the whole table."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from deployments.admin import rows as admin_rows
from deployments.environments.models.deployments import Deployment
from tests.builders import make_deployment, make_environment, make_event, make_resource, make_stack, make_user
from tests.pages.pages import page
from tests.query_plans import plan, queries_of, reading, sorts

pytestmark = [pytest.mark.django_db, pytest.mark.core]
LARGE = ("deployment", "stack", "resource", "event")


@pytest.fixture
def admin(client: Client) -> Client:
    """A client that is logged in as an administrator."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def deployments() -> list[Deployment]:
    """Deployments with rows of each kind, oldest first."""
    return [_with_rows(number) for number in range(4)]


def _with_rows(number: int) -> Deployment:
    deployment = make_deployment(make_environment(f"env{number}"), state="failed")
    stack = make_stack(deployment, status="CREATE_FAILED")
    make_resource(stack, f"Vpc{number}", status="CREATE_FAILED")
    make_event(deployment, 1, status="CREATE_FAILED", logical_id=f"Vpc{number}")
    return deployment


def url_of(model: str) -> str:
    return reverse(f"admin:deployments_{model}_changelist")


def number_of_rows(client: Client, model: str, **query: str) -> int:
    shown = page(client.get(url_of(model), query))
    return sum(len(table.one("tbody").all("tr")) for table in shown.all(id="result_list"))


@pytest.mark.parametrize("model", LARGE)
def test_a_list_reads_its_table_in_its_order_without_joins(
    admin: Client, deployments: list[Deployment], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(admin_rows.ReadOnly, "list_per_page", 2)

    found = [
        sql
        for sql in reading(queries_of(admin, url_of(model)), model)
        if "ORDER BY" in sql and "LIMIT" in sql
    ]

    assert len(found) == 2  # for the page numbers and for the rows
    for sql in found:
        assert "JOIN" not in sql.partition("WHERE")[0]
        assert not sorts(sql), plan(sql)


@pytest.mark.parametrize("model", LARGE)
def test_more_rows_cost_no_more_queries(admin: Client, deployments: list[Deployment], model: str) -> None:
    queries_of(admin, url_of(model))  # caches the content types
    few = len(queries_of(admin, url_of(model)))
    for number in range(10, 16):
        _with_rows(number)

    assert len(queries_of(admin, url_of(model))) == few


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("deployment", {"q": "env"}),
        ("deployment", {"state__exact": "failed"}),
        ("stack", {"result": "failed"}),
        ("resource", {"q": "Vpc"}),
        ("event", {"q": "vpc"}),
        ("event", {"o": "3"}),
    ],
)
def test_filters_searches_and_orders_cover_the_newest_rows(
    admin: Client,
    deployments: list[Deployment],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    query: dict[str, str],
) -> None:
    assert number_of_rows(admin, model, **query) == 4
    newest = f"the newest {admin_rows.NEWEST:,} rows"
    monkeypatch.setattr(admin_rows, "NEWEST", 3)

    assert number_of_rows(admin, model) == 4
    assert number_of_rows(admin, model, **query) == 3
    assert newest in page(admin.get(url_of(model))).one(id="changelist-search").text


@pytest.mark.parametrize("model", ["stack", "resource", "event"])
def test_the_page_of_a_deployment_leads_to_all_its_rows(
    admin: Client, deployments: list[Deployment], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(admin_rows, "NEWEST", 1)
    oldest = reverse("admin:deployments_deployment_change", args=[deployments[0].pk])

    links = [a["href"] for a in page(admin.get(oldest)).all("a") if "deployment__id__exact" in a["href"]]
    (link,) = [href for href in links if href.startswith(url_of(model))]
    shown = page(admin.get(link))

    assert len(links) == 3
    assert len(shown.one(id="result_list").one("tbody").all("tr")) == 1
