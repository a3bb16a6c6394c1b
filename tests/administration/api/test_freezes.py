"""Freeze windows and template sets, changed through the API, and who may change these and accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.common.models.idempotency import IdempotencyKey
from deployments.locks.models import FreezeWindow
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef
from tests.api.clients import Program
from tests.builders import make_account, make_user
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db
WINDOW: dict[str, Any] = {
    "name": "Weekend",
    "reason": "Nobody is here",
    "zone": "Asia/Tokyo",
    "start_day": 4,
    "start_time": "18:00",
    "end_day": 0,
    "end_time": "09:00",
}
SET: dict[str, Any] = {"name": "shop", "url": "https://git.example.com/shop.git"}


@pytest.fixture
def root(db: None) -> Program:
    """A program of a superuser."""
    return Program(make_user("root", is_superuser=True))


def test_a_freeze_window_is_added_edited_and_deleted(root: Program, program: Program) -> None:
    account = make_account("production")

    added = root.post("/freeze-windows", WINDOW | {"account": account.pk}).json()

    assert (added["account"]["name"], added["start_time"], added["end_day"]) == ("production", "18:00:00", 0)
    assert program.get("/freeze-windows").json()["items"] == [added]
    path = f"/freeze-windows/{added['id']}"
    once = {"kind": "once", "start_date": "2030-12-24", "end_date": "2031-01-04"}
    edited = root.post(path, WINDOW | once | {"account": account.pk}).json()
    assert (edited["kind"], edited["start_day"], edited["start_date"]) == ("once", None, "2030-12-24")
    wrong = root.post(path, WINDOW | {"account": account.pk, "zone": "Nowhere", "start_time": "late"})
    assert {error["field"] for error in wrong.json()["errors"]} == {"zone", "start_time"}
    assert root.post(f"{path}/delete").json()["name"] == "Weekend"
    assert not FreezeWindow.objects.exists()


def test_a_template_set_is_added_edited_and_removed(root: Program) -> None:
    response = root.post("/template-sets", SET | {"username": "ci", "token": "a-secret-token"})

    added = response.json()
    assert (response.status_code, added["refs"]) == (201, "main v*")
    assert "a-secret-token" not in response.content.decode()
    sealed = TemplateSource.objects.get(pk=added["id"]).sealed_credentials
    path = f"/template-sets/{added['id']}"
    assert root.post(path, SET | {"refs": "main"}).json()["refs"] == "main"
    assert TemplateSource.objects.get(pk=added["id"]).sealed_credentials == sealed
    moved = root.post(path, SET | {"url": "https://other.example.com/shop.git"})
    assert moved.json()["code"] == "OtherServer"
    root.post(path, SET | {"forget_credentials": True})
    assert TemplateSource.objects.get(pk=added["id"]).sealed_credentials != sealed
    assert root.post("/template-sets", SET).json()["code"] == "NameTaken"
    assert root.post(f"{path}/remove").status_code == 200
    assert root.post(path, SET).status_code == 404


def test_the_secret_of_a_webhook_is_returned_once(root: Program) -> None:
    path = f"/template-sets/{root.post('/template-sets', SET).json()['id']}/webhook"

    first, again = (root.post(path, {"enabled": True}, **{"Idempotency-Key": "one"}).json() for _ in range(2))

    assert first["secret"]
    assert again == first | {"secret": ""}
    assert first["address"].endswith("/push")
    assert first["secret"] not in str(IdempotencyKey.objects.get().body)
    assert root.post(path, {"enabled": False}).json()["secret"] == ""


def test_a_tag_that_moved_is_confirmed(root: Program, tmp_path: Path) -> None:
    source = make_source()
    version = make_version(source, tmp_path)
    ref = TemplateRef.objects.create(
        source=source, name="refs/tags/v1", version=version, is_tag=True, moved_at=timezone.now()
    )

    (listed,) = root.get(f"/template-sets/{source.pk}/refs").json()["items"]
    assert (listed["name"], listed["version"], listed["confirmed_at"]) == ("refs/tags/v1", version.pk, None)
    assert root.post(f"/refs/{ref.pk}/confirm").json()["confirmed_at"]
    assert root.post(f"/refs/{ref.pk}/confirm").json()["code"] == "TagNotMoved"


def test_without_the_right_or_the_scope_nothing_is_changed(db: None, tmp_path: Path) -> None:
    account, source = make_account(), make_source()
    ref = TemplateRef.objects.create(
        source=source, name="refs/tags/v1", version=make_version(source, tmp_path), is_tag=True
    )
    changes: tuple[tuple[str, Any], ...] = (
        ("/accounts", {"name": "a", "region": "ap-northeast-1"}),
        (f"/accounts/{account.pk}", {"name": "a", "region": "ap-northeast-1"}),
        (f"/accounts/{account.pk}/delete", {}),
        (f"/accounts/{account.pk}/test-connection", {}),
        ("/freeze-windows", WINDOW | {"account": account.pk}),
        ("/freeze-windows/1", WINDOW | {"account": account.pk}),
        ("/freeze-windows/1/delete", {}),
        ("/template-sets", SET),
        (f"/template-sets/{source.pk}", SET),
        (f"/template-sets/{source.pk}/remove", {}),
        (f"/template-sets/{source.pk}/webhook", {"enabled": True}),
        (f"/refs/{ref.pk}/confirm", {}),
    )
    root = make_user("root", is_superuser=True)
    for program in (Program(make_user("vic")), Program(root, "read", "change")):
        before = AuditRecord.objects.count()
        assert program.get(f"/accounts/{account.pk}").status_code == 403
        assert program.get(f"/accounts/{account.pk}/connection").status_code == 403
        for path, body in changes:
            assert (path, program.post(path, body).status_code) == (path, 403)
        assert AuditRecord.objects.count() == before + len(changes)
