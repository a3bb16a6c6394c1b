"""The pages of freeze windows: they are added, edited and deleted, each with an audit record."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.environments.models.accounts import Account
from deployments.locks.models import FreezeWindow
from tests.builders import make_account, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db

WEEKEND = {
    "name": "weekend",
    "reason": "Nobody is on call.",
    "is_on": "on",
    "zone": "Asia/Tokyo",
    "kind": "weekly",
    "start_time": "18:00",
    "end_time": "09:00",
    "start_day": "4",
    "end_day": "0",
}


@pytest.fixture
def account() -> Account:
    return make_account("production")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def test_a_freeze_window_is_added_with_its_audit_record(admin: Client, account: Account) -> None:
    address, values = reverse("freeze_new"), WEEKEND | {"account": str(account.pk)}
    refused = admin.post(address, values | {"end_day": ""})
    assert refused.status_code == 422
    assert "Select a weekday." in page(refused).one(class_="summary").text
    assert not FreezeWindow.objects.exists()

    assert admin.post(address, values).status_code == 302
    row = page(admin.get(reverse("freezes"))).one("tbody").text
    assert "Friday 18:00 – Monday 09:00" in row
    assert "Every week · Asia/Tokyo" in row
    record = AuditRecord.objects.get()
    assert (record.action, record.name, record.reason) == ("add_freeze", account.name, WEEKEND["reason"])


def test_a_freeze_window_is_edited_and_deleted(admin: Client, account: Account) -> None:
    values = WEEKEND | {"account": str(account.pk)}
    admin.post(reverse("freeze_new"), values)
    window = FreezeWindow.objects.get()

    form = page(admin.get(reverse("freeze_edit", args=[window.pk])))
    assert form.one("input", name="start_time")["value"] == "18:00"
    off = {name: value for name, value in values.items() if name != "is_on"}
    assert admin.post(reverse("freeze_edit", args=[window.pk]), off).status_code == 302
    assert "Switched off" in page(admin.get(reverse("freezes"))).one("tbody").text

    asked = page(admin.get(reverse("freeze_delete", args=[window.pk])))
    assert "Friday 18:00 – Monday 09:00 (Asia/Tokyo)" in asked.one("main").text
    assert FreezeWindow.objects.exists()
    admin.post(reverse("freeze_delete", args=[window.pk]))
    assert "No freeze windows yet" in page(admin.get(reverse("freezes"))).one("main").text
    actions = AuditRecord.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["add_freeze", "edit_freeze", "delete_freeze"]


def test_freeze_windows_are_searched_filtered_and_ordered(admin: Client, account: Account) -> None:
    for name, about in (("weekend", make_account("billing")), ("backup", account)):
        admin.post(reverse("freeze_new"), WEEKEND | {"name": name, "account": str(about.pk)})

    def found(query: str) -> list[str]:
        shown = page(admin.get(reverse("freezes") + query)).all("tbody")
        return [row.one("th").one("a").text for body in shown for row in body.all("tr")]

    assert found("") == found("?kind=weekly") == ["weekend", "backup"]
    assert found("?sort=name") == found("?sort=newest") == ["backup", "weekend"]
    for text, name in (("WEEK", "weekend"), ("production", "backup")):
        assert found(f"?q={text}") == [name]
    assert len(found("?q=on+call")) == 2
    assert found("?kind=once") == []
    nothing = page(admin.get(reverse("freezes") + "?q=holidays")).one(id="no-matching")
    assert nothing.one("a")["href"] == reverse("freezes")


def test_who_may_not_manage_accounts_gets_nothing(client: Client, account: Account) -> None:
    client.force_login(make_user("vic"))
    assert client.get(reverse("freezes")).status_code == 403
    assert client.post(reverse("freeze_new"), WEEKEND | {"account": str(account.pk)}).status_code == 403
    assert not FreezeWindow.objects.exists()
