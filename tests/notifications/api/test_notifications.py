"""Notification targets through the API: personal and shared ones, with secrets that are returned once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.access.models.grants import Label
from deployments.common.models.idempotency import IdempotencyKey
from deployments.notifications.models import Delivery, NotificationTarget
from tests.api.clients import Program
from tests.builders import make_environment, make_operator, make_user

pytestmark = pytest.mark.django_db
NEW: dict[str, Any] = {
    "name": "Chat",
    "address": "https://hooks.example.com/secret-path",
    "topics": ["deployment.failed"],
}


@pytest.fixture
def target(program: Program) -> int:
    """The operator's personal webhook."""
    key: int = program.post("/notifications", NEW).json()["id"]
    return key


def test_a_webhook_is_added_with_a_secret_that_is_returned_once(program: Program) -> None:
    shop = make_environment("shop")
    body = NEW | {"environment": shop.pk}
    first = program.post("/notifications", body, **{"Idempotency-Key": "one"})
    again = program.post("/notifications", body, **{"Idempotency-Key": "one"})

    assert first.status_code == again.status_code == 201
    found = first.json()
    assert found["secret"].startswith("whsec_")
    assert again.json() == found | {"secret": ""}
    assert (found["environment"]["name"], found["is_shared"]) == ("shop", False)
    assert found["secret"] not in str(IdempotencyKey.objects.get().body)
    listed = program.get("/notifications")
    assert "secret-path" not in listed.content.decode()
    assert listed.json()["items"] == [program.get(f"/notifications/{found['id']}").json()]


def test_a_target_is_about_the_environments_with_a_label(program: Program) -> None:
    shop = make_environment("shop")
    Label.objects.create(environment=shop, key="team", value="payments")

    found = program.post("/notifications", NEW | {"label": "team=payments"}).json()
    assert (found["label"], found["environment"]) == ("team=payments", None)
    refused = program.post("/notifications", NEW | {"label": "team=other"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "environments")


def test_a_target_is_edited_switched_tested_and_removed(program: Program, target: int) -> None:
    path = f"/notifications/{target}"
    before = NotificationTarget.objects.get().sealed_address

    edited = program.post(path, {"name": "Pager", "topics": ["deployment.failed"], "language": "ja"}).json()
    assert (edited["name"], edited["language"]) == ("Pager", "ja")
    assert NotificationTarget.objects.get().sealed_address == before
    assert program.post(f"{path}/enabled", {"enabled": False}).json()["enabled"] is False
    assert program.post(f"{path}/secret").json()["secret"].startswith("whsec_")
    assert program.post(f"{path}/test").status_code == 202
    assert program.post(f"{path}/test").json()["code"] == "TestPending"
    (sent,) = program.get(f"{path}/deliveries").json()["items"]
    assert (sent["topic"], sent["state"]) == ("test", "pending")
    assert program.post(f"{path}/deliveries/{sent['id']}/retry").json()["code"] == "NotEnded"
    Delivery.objects.update(state="failed")
    assert program.post(f"{path}/deliveries/{sent['id']}/retry").json()["state"] == "pending"
    assert program.post(f"{path}/remove").json()["name"] == "Pager"
    assert program.get(path).status_code == 404


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"address": "ftp://example.com"}, "address"),
        ({"topics": ["other"]}, "topics"),
        ({"environment": 999_999}, "environments"),
        ({"label": "team=payments", "account": 1}, "environments"),
    ],
)
def test_the_error_names_the_wrong_value(program: Program, values: Any, field: str) -> None:
    response = program.post("/notifications", NEW | values)

    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (422, [field])


def test_shared_targets_need_the_right_and_those_of_others_do_not_exist(
    program: Program, target: int, operator: User, settings: Settings
) -> None:
    root, other = Program(make_user("root", is_superuser=True)), Program(make_operator("ben"))
    assert program.post("/notifications", NEW | {"shared": True}).status_code == 403
    shared = root.post("/notifications", NEW | {"shared": True}).json()
    assert other.get("/notifications").json()["items"] == [
        {name: value for name, value in shared.items() if name != "secret"}
    ]

    assert other.post(f"/notifications/{shared['id']}/remove").status_code == 403
    assert other.post(f"/notifications/{target}/remove").status_code == 404
    assert NotificationTarget.objects.count() == 2


def test_a_token_without_the_scope_changes_no_target(target: int, operator: User) -> None:
    reader = Program(operator, "read")

    assert reader.get(f"/notifications/{target}").status_code == 200
    for path, body in (
        ("", NEW),
        (f"/{target}", NEW),
        *((f"/{target}/{name}", {}) for name in ("secret", "remove", "test", "deliveries/1/retry")),
        (f"/{target}/enabled", {"enabled": False}),
    ):
        assert reader.post(f"/notifications{path}", body).json()["code"] == "ScopeMissing"
