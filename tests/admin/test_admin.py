"""Django's admin: accounts can be edited, and everything else is read-only."""

from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from deployments.environments.models.accounts import Account
from tests.builders import (
    allow,
    make_account,
    make_deployment,
    make_environment,
    make_event,
    make_grant,
    make_resource,
    make_stack,
    make_user,
)
from tests.pages.pages import Element, page

pytestmark = [pytest.mark.django_db, pytest.mark.core]
READ_ONLY = ("environment", "deployment", "stack", "resource", "event")


@pytest.fixture
def admin(client: Client) -> Client:
    """A client that is logged in as an administrator."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def rows() -> dict[str, int]:
    """One row of each read-only model, as a mapping of model names to primary keys."""
    deployment = make_deployment(
        make_environment("staging", stack_status="CREATE_FAILED"),
        state="failed",
        parameters={"Size": "small"},
        sealed_parameters="sealed secret",
    )
    stack = make_stack(deployment, status="CREATE_FAILED", reason="No room.")
    return {
        "environment": deployment.environment.pk,
        "deployment": deployment.pk,
        "stack": stack.pk,
        "resource": make_resource(stack, "Vpc", status="CREATE_COMPLETE").pk,
        "event": make_event(deployment, 1, status="CREATE_FAILED").pk,
    }


def listed(client: Client, model: str, **query: str) -> Element:
    response = client.get(reverse(f"admin:deployments_{model}_changelist"), query)
    assert response.status_code == 200
    return page(response)


@pytest.mark.parametrize("model", READ_ONLY)
def test_rows_can_be_viewed_and_not_changed(admin: Client, rows: dict[str, int], model: str) -> None:
    change = reverse(f"admin:deployments_{model}_change", args=[rows[model]])

    shown = page(admin.get(change))

    assert not shown.all("input", type="submit")
    assert "sealed secret" not in shown.text
    assert admin.post(change, {"name": "x"}).status_code == 403
    assert admin.get(reverse(f"admin:deployments_{model}_add")).status_code == 403
    assert admin.post(reverse(f"admin:deployments_{model}_delete", args=[rows[model]])).status_code == 403


@pytest.mark.parametrize("model", READ_ONLY)
def test_lists_display_badges_with_an_icon(admin: Client, rows: dict[str, int], model: str) -> None:
    (row,) = listed(admin, model).one(id="result_list").one("tbody").all("tr")

    assert row.all("span", class_="status")
    assert row.all("use")[0].text in "✕✓"


@pytest.mark.parametrize(
    ("model", "query", "found"),
    [
        ("deployment", {"state__exact": "failed"}, 1),
        ("deployment", {"state__exact": "succeeded"}, 0),
        ("deployment", {"kind__exact": "create"}, 1),
        ("stack", {"result": "failed"}, 1),
        ("stack", {"result": "complete"}, 0),
        ("resource", {"result": "complete"}, 1),
        ("event", {"result": "failed"}, 1),
        ("event", {"source__exact": "portal"}, 0),
        ("environment", {"q": "stag"}, 1),
        ("environment", {"state": "healthy"}, 0),
        ("resource", {"q": "nothing like it"}, 0),
    ],
)
def test_lists_are_filtered_and_searched(
    admin: Client, rows: dict[str, int], model: str, query: dict[str, str], found: int
) -> None:
    results = listed(admin, model, **query).all(id="result_list")

    assert sum(len(table.one("tbody").all("tr")) for table in results) == found


def test_lists_are_filtered_by_account_and_environment(admin: Client, rows: dict[str, int]) -> None:
    other = make_deployment(make_environment("other"), state="succeeded").environment

    shown = listed(admin, "deployment", environment__id__exact=str(other.pk))
    (row,) = shown.one(id="result_list").one("tbody").all("tr")
    assert "other" in row.text
    account = str(other.account.pk)
    assert not listed(admin, "event", deployment__environment__account__id__exact=account).all(
        id="result_list"
    )


def test_the_list_of_events_does_not_count_its_table(admin: Client, rows: dict[str, int]) -> None:
    with CaptureQueriesContext(connection) as seen:
        listed(admin, "event")

    counting = [
        q["sql"] for q in seen.captured_queries if "COUNT(" in q["sql"] and "deployments_event" in q["sql"]
    ]
    assert not counting


def test_more_rows_cost_no_more_queries(admin: Client, rows: dict[str, int]) -> None:
    def queries() -> list[int]:
        found = []
        for model in READ_ONLY:
            with CaptureQueriesContext(connection) as seen:
                listed(admin, model)
            found.append(len(seen))
        return found

    queries()
    few = queries()
    for number in range(3):
        deployment = make_deployment(state="failed")
        make_event(deployment, 1)
        make_resource(make_stack(deployment), f"R{number}")

    assert queries() == few


def test_the_external_id_of_a_new_account_is_generated(admin: Client) -> None:
    form = {"name": "production", "region": "eu-west-1", "role_arn": "arn:aws:iam::123456789012:role/Sanso"}

    admin.post(reverse("admin:deployments_account_add"), form | {"external_id": "chosen"})

    account = Account.objects.get()
    assert len(account.external_id) == 32
    shown = page(admin.get(reverse("admin:deployments_account_change", args=[account.pk])))
    assert account.external_id in shown.one("pre", class_="snippet").text
    assert not shown.all("input", name="external_id")


@pytest.mark.parametrize(
    ("name", "value"),
    [("region", "Tokyo"), ("role_arn", "Sanso"), ("artifact_bucket", "Not_A_Bucket"), ("name", "two words")],
)
def test_a_bad_value_of_an_account_is_an_error_of_its_field(admin: Client, name: str, value: str) -> None:
    form = {"name": "production", "region": "eu-west-1", name: value}

    shown = page(admin.post(reverse("admin:deployments_account_add"), form))

    assert shown.all("ul", class_="errorlist")
    assert not Account.objects.exists()


def test_who_manages_accounts_opens_their_pages_and_no_others(client: Client, rows: dict[str, int]) -> None:
    user = make_user(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client.force_login(user)
    accounts = reverse("admin:deployments_account_changelist")
    assert client.get(accounts, follow=True).status_code == 403

    allow(user, "manage_accounts")

    for name in ("index", "deployments_account_changelist", "deployments_account_add"):
        assert client.get(reverse(f"admin:{name}")).status_code == 200
    assert (
        client.post(
            reverse("admin:deployments_account_add"), {"name": "shop", "region": "eu-west-1"}, follow=True
        ).status_code
        == 200
    )
    assert Account.objects.filter(name="shop").exists()
    for name in ("deployments_event_changelist", "deployments_deployment_changelist", "auth_user_changelist"):
        assert client.get(reverse(f"admin:{name}"), follow=True).status_code == 403


def test_managing_one_account_does_not_open_the_admin(client: Client) -> None:
    user = make_grant(make_user(), role="admin", scope="account", account=make_account())
    client.force_login(user)

    assert client.get(reverse("admin:deployments_account_changelist"), follow=True).status_code == 403


def test_the_list_of_accounts_marks_the_sandbox(admin: Client) -> None:
    make_account("sandbox", is_sandbox=True)

    assert "sandbox" in listed(admin, "account").one(id="result_list").text


def is_japanese(text: str) -> bool:
    return any("\u3040" <= letter <= "\u9fff" for letter in text) or text in {"ID", "URL"}


def test_no_name_of_the_admin_stays_english_in_japanese(admin: Client) -> None:
    admin.cookies["django_language"] = "ja"

    shown = page(admin.get(reverse("admin:index")))
    names = [one.text for one in shown.all(class_="section")] + [one.text for one in shown.all("th")]

    assert len(names) > 20
    assert [one for one in names if not is_japanese(one)] == []
    with override("ja"):
        columns = {
            (model.__name__, str(label_for_field(column, model, listed)))
            for model, listed in site._registry.items()
            for column in listed.list_display
        }
    assert [one for one in columns if not is_japanese(one[1])] == []
