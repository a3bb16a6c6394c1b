"""The pages of the audit records: the visible ones, filters, one record, and the exported file."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label
from deployments.audit.pages import views
from deployments.audit.steps import chain
from deployments.common.pages import lists
from deployments.common.request_context import request_context
from deployments.environments.models.environments import Environment
from tests.builders import (
    allow,
    disallow,
    make_account,
    make_deployment,
    make_environment,
    make_grant,
    make_operator,
    make_user,
)
from tests.pages.pages import Element, page, rows
from tests.template_versions import make_source, make_version

LIST, OWN = reverse("audit_records"), reverse("audit_own")


@pytest.fixture
def auditor(db: None) -> User:
    """A user who may only view the audit records."""
    return allow(make_user("ayumi"), "view_auditrecord")


@pytest.fixture
def client(client: Client, auditor: User) -> Client:
    """The auditor's browser."""
    client.force_login(auditor)
    return client


def write(**values: Any) -> AuditRecord:
    given = {"action": "lock", "permission": "deployments.lock_environment", "outcome": "requested"}
    return AuditRecord.objects.write(**(given | values))


def following_page(shown: Element) -> str:
    """Return the address of the next page; "" on the last one."""
    return "".join(link["href"] for link in shown.all("a", class_="button") if link.text == "Next page")


def of(record: AuditRecord) -> str:
    return reverse("audit_record", args=[record.pk])


def test_records_of_everybody_are_listed_newest_first(client: Client) -> None:
    write(user=make_user("kay"), name="shop", reason="release day")
    refusal = {"code": "permission_missing", "params": {"permission": "deployments.break_lock"}}
    write(user=make_user("lee"), action="break_lock", outcome="refused", refusal=refusal)

    second, first = rows(client.get(LIST))

    assert "kay" in first
    assert "Lock environment" in first
    assert "release day" in first
    assert "Not chained yet" in first
    assert "lee" in second
    assert "Refused" in second
    assert "deployments.break_lock is missing" in second


def test_only_auditors_see_the_records_of_others(client: Client, auditor: User) -> None:
    record, own = write(user=make_user("kay")), write(user=auditor, reason="my own reason")
    disallow(auditor)

    assert client.get(LIST).status_code == 403
    assert client.get(of(record)).status_code == 403
    assert client.get(of(own)).status_code == 200
    (row,) = rows(client.get(OWN))
    assert "my own reason" in row
    assert LIST not in [link["href"] for link in page(client.get(OWN)).all("a")]


def test_actions_in_a_browser_have_their_session_and_address(client: Client) -> None:
    operator, environment = make_operator("ana"), make_environment("shop")
    client.force_login(operator)

    address = reverse("environment_lock", args=[environment.pk])
    client.post(address, {"reason": "load test"}, REMOTE_ADDR="192.0.2.7")

    record = AuditRecord.objects.get()
    assert (record.by, record.address, record.username) == ("session", "192.0.2.7", "ana")
    key = client.session.session_key or ""
    assert record.by_id
    assert record.by_id not in key
    assert key not in record.by_id
    assert (record.before, record.after) == ({"locked_by": None}, {"locked_by": "ana"})
    assert record.account == environment.account
    chain.chain_all()
    shown = page(client.get(of(record))).one("main").text
    for text in ("192.0.2.7", record.by_id, record.request_id, "load test", "Lock"):
        assert text in shown
    assert AuditRecord.objects.get().hash in shown


FILTERS = {
    "person": ("kay", "KAY"),
    "action": ("unlock", "unlock"),
    "outcome": ("refused", "refused"),
    "by": ("token", "token"),
    "q": ("load test", "AD TE"),
}


@pytest.mark.parametrize("name", [*FILTERS, "environment", "name", "account", "label", "set"])
def test_the_address_holds_a_filter(client: Client, tmp_path: Path, name: str) -> None:
    environment, source = make_environment("shop"), make_source()
    Label.objects.create(environment=environment, key="team", value="payments")
    Environment.objects.update(template_version=make_version(source, tmp_path, "v1"))
    write(user=make_user("lee"), name="other", reason="other", by="session")
    wanted = write(
        user=make_user("kay"),
        action="unlock",
        outcome="refused",
        reason="load test",
        by="token",
        environment=environment,
        account=environment.account,
        name="shop",
    )
    values = {"environment": environment.pk, "name": "shop", "account": environment.account_id}
    values |= {"label": "team=payments", "set": source.pk}
    value = str(values[name]) if name in values else FILTERS[name][1]

    response = client.get(LIST, {"environment" if name == "name" else name: value})

    (row,) = page(response).one("main").one("tbody").all("tr")
    assert row.all("a", id=f"record-{wanted.pk}")
    assert urlencode({"x": value})[2:] in str(page(response).one("a", id="export-csv")["href"])


def test_the_filters_of_records_are_menus_chips_and_links(client: Client) -> None:
    record = write(user=make_user("kay"), name="shop")
    write(user=make_user("lee"), name="shop")

    whole = page(client.get(LIST, {"q": "shop"}))
    links = {link.text: link["href"] for link in whole.one(id="filter-action").all("a")}
    of_kay = whole.one("a", id=f"record-{record.pk}-person")["href"]

    assert links["Lock environment"] == "?q=shop&action=lock"
    assert len(page(client.get(LIST + links["Lock environment"])).one("tbody").all("tr")) == 2
    shown = page(client.get(LIST + of_kay + "&since=2026-01-01"))
    assert len(shown.one("tbody").all("tr")) == 1
    removers = {link.text: link["href"] for link in shown.one(class_="set-filters").all("a")}
    assert removers == {
        "Remove filter Search: shop ✕": "?person=kay&since=2026-01-01",
        "Remove filter Person: kay ✕": "?q=shop&since=2026-01-01",
        "Remove filter From (day): 2026-01-01 ✕": "?q=shop&person=kay",
    }
    days = shown.one(id="filter-days")
    values = [(field["name"], field["value"]) for field in days.all("input")]
    assert values == [("q", "shop"), ("person", "kay"), ("since", "2026-01-01"), ("until", "")]


def test_a_search_finds_people_labels_and_what_environments_have(client: Client) -> None:
    shop = make_environment("shop", owner=make_operator("mia"))
    Label.objects.create(environment=shop, key="team", value="payments")
    record = write(user=make_user("kay"), environment=shop, name="shop")
    write(user=make_user("lee"), name="other")

    for text in ("kay", "SHOP", "mia", "team=payments", shop.account.name):
        (row,) = page(client.get(LIST, {"q": text})).one("tbody").all("tr")
        assert row.all("a", id=f"record-{record.pk}"), text


def test_each_order_continues_on_the_next_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    for person, name in (("c", "x"), ("a", "z"), ("b", "y")):
        write(user=make_user(person), name=name, account=make_account(f"account-{person}"))

    for sort, expected in {
        "": "bac",
        "oldest": "cab",
        "person": "abc",
        "name": "cba",
        "account": "abc",
    }.items():
        seen, following = "", f"?sort={sort}"
        while following:
            shown = page(client.get(LIST + following))
            seen += "".join(row.all("td")[0].text for row in shown.one("tbody").all("tr"))
            following = following_page(shown)
        assert seen == expected, sort
    assert "Requests: By user" in page(client.get(f"{LIST}?sort=person")).one("caption").text


def test_days_are_those_of_the_reader(client: Client) -> None:
    record = write(reason="late")
    late = timezone.now().replace(year=2026, month=11, day=20, hour=20, minute=0)  # the 21st in Tokyo
    QuerySet(AuditRecord).filter(pk=record.pk).update(at=late)
    client.cookies["sanso_zone"] = "Asia/Tokyo"

    assert len(rows(client.get(LIST, {"since": "2026-11-21", "until": "2026-11-21"}))) == 1
    none = client.get(LIST, {"since": "2026-11-20", "until": "2026-11-20"})
    assert "No matching records." in page(none).one("main").text
    assert len(rows(client.get(LIST, {"since": "nonsense", "until": "9999-12-31"}))) == 1


def test_more_than_a_page_is_reached_by_links(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    for number in range(5):
        write(reason=f"reason {number}")

    seen: list[str] = []
    address = LIST
    while address:
        response = client.get(address)
        seen += rows(response)
        following = following_page(page(response))
        address = f"{LIST}{following}" if following else ""

    assert len(seen) == 5
    assert "reason 4" in seen[0]
    assert "reason 0" in seen[4]


def test_a_record_shows_what_changed_and_leads_to_its_deployment(client: Client) -> None:
    deployment = make_deployment(make_environment("shop"), state="succeeded", kind="update")
    record = write(
        action="apply",
        environment=deployment.environment,
        deployment=deployment,
        name="shop",
        before={"Size": "small", "Same": "a", "Gone": "x"},
        after={"Size": "large", "Same": "a", "Zones": ["a", "b"]},
        details={"scheduled_for": "2026-11-28T09:00:00+09:00"},
    )

    shown = page(client.get(of(record))).one("main")

    (size, gone, zones, same) = shown.one("section", id="changes").one("tbody").all("tr")
    assert (size.one("del").text, size.one("ins").text) == ("small", "large")
    assert (gone.one("del").text, zones.one("ins").text) == ("x", "a, b")
    assert not gone.all("ins")
    assert not same.all("ins")
    assert shown.one("a", id="deployment")["href"] == deployment.get_absolute_url()
    assert "Succeeded" in shown.text
    assert "2026-11-28T09:00:00+09:00" in shown.text


def test_without_records_the_list_says_what_it_is_for(client: Client) -> None:
    assert "No records yet" in page(client.get(LIST)).one("main").text
    assert client.get(reverse("audit_record", args=[99])).status_code == 404


def test_records_of_no_person_and_of_what_is_gone_are_shown(client: Client) -> None:
    environment = make_environment("gone")
    with request_context(by="schedule"):
        record = write(action="of_a_newer_release", environment=environment, name="gone")
    environment.delete()

    (row,) = rows(client.get(LIST))
    assert "Sanso" in row
    assert "of_a_newer_release" in row
    assert "Schedule" in page(client.get(of(record))).one("main").text


def test_a_right_about_one_environment_shows_its_records_alone(client: Client) -> None:
    shop, other = make_environment("shop"), make_environment("other")
    seen, hidden, general = write(environment=shop, name="shop"), write(environment=other), write()
    person = make_grant(
        make_user("lee"),
        role="custom",
        rights=["deployments.view_auditrecord"],
        scope="environment",
        environment=shop,
    )
    client.force_login(person)

    response = client.get(LIST)

    (row,) = rows(response)
    assert "shop" in row
    assert not page(response).all("a", id="export-csv")
    assert client.get(of(seen)).status_code == 200
    assert [client.get(of(record)).status_code for record in (hidden, general)] == [403, 403]


async def exported(browser: AsyncClient, query: str) -> tuple[Any, str]:
    response: Any = await browser.get(f"/audit/{query}")
    if response.status_code != 200:
        return response, ""
    return response, b"".join([part async for part in response.streaming_content]).decode()


@pytest.mark.django_db(transaction=True)
class TestExport:
    """The list as a file."""

    @pytest.fixture
    async def browser(self, async_client: AsyncClient) -> AsyncClient:
        """The auditor's browser."""
        user = await User.objects.acreate_user("ayumi", is_superuser=True)
        await async_client.aforce_login(user)
        return async_client

    async def _written(self) -> None:
        for number, name in enumerate(("=HYPERLINK(1)", "shop", "shop")):
            await AuditRecord.objects.acreate(
                action="lock",
                permission="p",
                outcome="requested",
                name=name,
                reason=f"@{number}",
                details={"a": [1]},
            )

    async def test_both_files_have_every_record_and_no_formula(
        self, browser: AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "BATCH", 2)
        await self._written()

        response, text = await exported(browser, "export.csv")
        assert ".csv" in response["Content-Disposition"]
        table = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert [row["reason"] for row in table] == ["", "'@2", "'@1", "'@0"]
        assert [row["name"] for row in table] == ["csv", "shop", "shop", "'=HYPERLINK(1)"]

        documented = re.findall(r"^\| (`.*?`) \|", Path("docs/audit.md").read_text(), re.M)
        columns = {name for cell in documented for name in re.findall(r"`(\w+)`", cell)}
        assert set(table[0]) == columns | {"id", "previous_hash", "account"}

        _, text = await exported(browser, "export.json?q=shop")
        assert [(row["name"], row["details"]) for row in json.loads(text)] == [("shop", {"a": [1]})] * 2

    async def test_an_export_is_recorded_with_its_filters(self, browser: AsyncClient) -> None:
        await exported(browser, "export.json?q=shop&outcome=refused")

        record = await AuditRecord.objects.aget()
        assert (record.action, record.name, record.username) == ("export_audit", "json", "ayumi")
        assert record.details == {"q": "shop", "outcome": "refused"}
        assert record.by == "session"

    async def test_without_the_permission_nothing_is_exported_and_that_is_recorded(
        self, async_client: AsyncClient
    ) -> None:
        await self._written()
        await async_client.aforce_login(await User.objects.acreate_user("kay"))

        response, _ = await exported(async_client, "export.csv")

        assert response.status_code == 403
        record = await AuditRecord.objects.alatest("pk")
        assert (record.action, record.outcome, record.username) == ("export_audit", "refused", "kay")
        assert (await exported(async_client, "export.xls"))[0].status_code == 404


def test_the_filters_of_days_reach_no_end_of_time(client: Client) -> None:
    write()

    assert len(rows(client.get(LIST, {"since": "0001-01-01"}))) == 1
    assert len(rows(client.get(LIST, {"until": str((timezone.now() + timedelta(days=2)).date())}))) == 1
