"""Every write in the admin is recorded in the audit log in the same transaction.

The list is generated: a model that is registered with write access must be in SCENES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord, AuditRecordQuerySet
from deployments.access.texts.commands import ACTIONS
from deployments.admin.recorded import RecordedAdmin
from deployments.environments.models.accounts import Account
from tests.builders import make_account, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The admin forms that add and change a row of a model; `make` creates a row that can be deleted."""

    make: Callable[[str], Model]
    new: Callable[[], dict[str, Any]]
    changed: Callable[[Any], dict[str, Any]]
    action: str
    before: dict[str, Any]
    after: dict[str, Any]


PASSWORD = "what a lovely long password"
SCENES: dict[type[Model], Scene] = {
    User: Scene(
        make=lambda name: make_user(name),
        new=lambda: {
            "username": "new",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
        changed=lambda user: {"username": user.username, "is_active": "on", "is_staff": "on"},
        action="user",
        before={"is_staff": False},
        after={"is_staff": True},
    ),
    Group: Scene(
        make=lambda name: Group.objects.create(name=name),
        new=lambda: {"name": "new"},
        changed=lambda group: {
            "name": "other",
            "permissions": [Permission.objects.get(codename="break_lock").pk],
        },
        action="group",
        before={"name": "first", "permissions": []},
        after={
            "name": "other",
            "permissions": ["Operations | environment | Can break locks of others"],
        },
    ),
    Account: Scene(
        make=lambda name: make_account(name),
        new=lambda: {"name": "new", "region": "us-east-1"},
        changed=lambda account: {"name": account.name, "region": "eu-west-1"},
        action="account",
        before={"region": "ap-northeast-1"},
        after={"region": "eu-west-1"},
    ),
}
MODELS = pytest.mark.parametrize("model", SCENES, ids=lambda model: model.__name__)


@pytest.fixture
def root(client: Client) -> Client:
    """A client that is logged in as an administrator, and that gets errors as pages."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    client.raise_request_exception = False
    return client


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def requests(model: type[Model]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every way to write a model, as the verb of its audit record, the URL and the form."""
    scene = SCENES[model]
    first, second, third = (scene.make(name) for name in ("first", "second", "third"))
    selected = {"action": "delete_selected", "_selected_action": [third.pk], "post": "yes"}
    return [
        ("add", address(model, "add"), scene.new()),
        ("edit", address(model, "change", first.pk), scene.changed(first)),
        ("delete", address(model, "delete", second.pk), {"post": "yes"}),
        ("delete", address(model, "changelist"), selected),
    ]


def rows(model: type[Model]) -> list[Any]:
    found = list(model._default_manager.order_by("pk").values())
    related = Group.permissions.through.objects.count()
    return [[{k: v for k, v in row.items() if k != "last_login"} for row in found], related]


def test_every_list_that_writes_is_tested_here() -> None:
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)

    writing = {
        model
        for model, page in admin.site._registry.items()
        if page.has_add_permission(request)
        or page.has_change_permission(request)
        or page.has_delete_permission(request)
    }

    others = writing - set(SCENES)
    assert writing >= set(SCENES)
    assert all(isinstance(admin.site._registry[model], RecordedAdmin) for model in others)
    for model in writing:  # other list actions would need their own audit records
        assert set(admin.site._registry[model].get_actions(request)) <= {"delete_selected"}


@MODELS
def test_every_write_is_recorded(root: Client, model: type[Model]) -> None:
    scene = SCENES[model]
    for verb, url, form in requests(model):
        before = rows(model)
        response = root.post(url, form, REMOTE_ADDR="192.0.2.7")

        assert response.status_code == 302, response.content
        assert rows(model) != before
        record = AuditRecord.objects.all()[0]
        assert record.action == f"{verb}_{scene.action}"
        assert record.action in ACTIONS
        assert (record.username, record.by, record.address) == ("root", "session", "192.0.2.7")
        if verb == "edit":
            assert (record.before, record.after) == (scene.before, scene.after)
    assert AuditRecord.objects.count() == 4
    assert PASSWORD not in str(list(AuditRecord.objects.values()))


@MODELS
def test_without_the_record_nothing_is_written(
    root: Client, model: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise DatabaseError("the disk is full")

    all_requests = requests(model)
    monkeypatch.setattr(AuditRecordQuerySet, "write", refuse)
    for _verb, url, form in all_requests:
        before = rows(model)

        assert root.post(url, form).status_code == 500

        assert rows(model) == before


def test_a_password_that_is_set_in_the_admin_is_recorded_without_it(root: Client) -> None:
    user = make_user("kay")
    form = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    assert root.post(f"/admin/auth/user/{user.pk}/password/", form).status_code == 302

    assert set(AuditRecord.objects.values_list("action", "username", "name")) == {
        ("change_password", "root", "kay"),
        ("edit_user", "root", "kay"),
    }
    stored = str(list(AuditRecord.objects.values()))
    user.refresh_from_db()
    assert PASSWORD not in stored
    assert user.password not in stored
    assert not [key for key in Session.objects.values_list("session_key", flat=True) if key in stored]
