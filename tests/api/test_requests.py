"""Requests of programs use the actions of the pages, run once per key, and are refused for equal reasons."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from deployments.core.token_scopes import SCOPES
from deployments.models import (
    Approval,
    Association,
    AuditRecord,
    Deployment,
    Environment,
    EnvironmentLock,
    IdempotencyKey,
)
from tests.api.clients import ROOT, Program
from tests.builders import (
    allow,
    make_account,
    make_deployment,
    make_environment,
    make_grant,
    make_operator,
    make_user,
)
from tests.built_health import make_whole
from tests.previews import make_preview
from tests.views.conftest import TEMPLATE

pytestmark = pytest.mark.django_db
NEW: dict[str, Any] = {"name": "shop", "parameters": {"Database": "orders", "Password": "long enough"}}


@pytest.fixture(autouse=True)
def template_set(tmp_path: Path, settings: Settings) -> None:
    """A small template set with parameters of every kind."""
    (tmp_path / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path


@pytest.fixture
def shop(operator: User) -> Environment:
    """A deployed environment."""
    return make_whole("shop", owner=operator, parameters={"Database": "orders", "Size": "small"})


def new(**values: Any) -> dict[str, Any]:
    return NEW | {"account": make_account().pk} | values


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_an_environment_is_scheduled(program: Program) -> None:
    at = (timezone.now() + timedelta(days=1)).isoformat()

    body = new()

    response = program.post("/environments", body | {"scheduled_for": at})

    assert response.status_code == 201, response.content
    found = response.json()
    assert (found["state"], found["is_waiting"]) == ("scheduled", True)
    assert found["scheduled_for"][:16] == at[:16]
    late = program.post("/environments", new(name="later", scheduled_for="2020-01-01T00:00:00Z"))
    assert (late.status_code, late.json()["code"]) == (422, "ScheduleNotPossible")
    taken = program.post("/environments", body)
    assert (taken.status_code, taken.json()["code"]) == (422, "EnvironmentScheduled")


def test_an_environment_is_created_with_the_values_of_the_form(program: Program) -> None:
    response = program.post("/environments", new(reason="load test"))

    assert response.status_code == 201, response.content
    deployment = Deployment.objects.get(pk=response.json()["id"])
    assert deployment.environment.name == "shop"
    assert deployment.parameters["Count"] == "2"  # the default
    assert "Password" not in deployment.parameters
    assert "long enough" not in response.content.decode()
    record = AuditRecord.objects.get(action="deploy")
    assert (record.user, record.reason) == (program.token.owner, "load test")
    assert (record.by, record.by_id) == ("token", program.token.prefix)


def test_every_value_that_is_wrong_is_named(program: Program) -> None:
    response = program.post(
        "/environments", new(name="1", account=999_999, parameters={"Database": "X", "Count": "99"})
    )

    assert code_of(response) == (422, "InvalidRequest")
    named = {error["field"]: error["detail"] for error in response.json()["errors"]}
    assert set(named) == {
        *("name", "account", "parameters.Database", "parameters.Count", "parameters.Password")
    }
    assert named["parameters.Database"] == "Lower case letters only."


@pytest.mark.parametrize(
    "body",
    [
        {"name": "shop"},
        {"name": "shop", "account": "1"},
        {"name": "shop", "account": 1, "nmae": "x"},
        {"name": "shop", "account": 1, "parameters": {"Count": 2}},
        [],
        "{",
    ],
)
def test_a_body_that_does_not_fit_is_refused(program: Program, body: Any) -> None:
    response = program.post("/environments", body)

    assert response.status_code in (400, 422)
    assert response["Content-Type"] == "application/problem+json"
    assert not Environment.objects.exists()


def test_a_body_that_is_too_large_is_refused(program: Program, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = program.post("/environments", new(reason="x" * 2000))

    assert code_of(response) == (413, "RequestTooLarge")
    assert response["Content-Type"] == "application/problem+json"


def test_a_parameter_that_the_set_does_not_have_is_refused(program: Program) -> None:
    response = program.post("/environments", new(parameters=NEW["parameters"] | {"Colour": "red"}))

    assert code_of(response) == (422, "UnknownParameter")
    assert "Colour" in response.json()["detail"]


def test_a_name_that_is_taken_is_a_conflict(program: Program, shop: Environment) -> None:
    response = program.post("/environments", new(account=shop.account_id))

    assert code_of(response) == (409, "NameTaken")
    assert response.json()["message"] == "environment_name_taken"


def test_the_same_key_creates_one_environment(program: Program) -> None:
    body = new()
    first = program.post("/environments", body, **{"Idempotency-Key": "one"})
    again = program.post("/environments", body, **{"Idempotency-Key": "one"})

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert Environment.objects.count() == 1
    other = program.post("/environments", body | {"name": "other"}, **{"Idempotency-Key": "one"})
    assert code_of(other) == (409, "KeyReused")


def test_the_key_of_another_user_is_another_key(program: Program) -> None:
    account = make_account()
    for one, name in ((program, "shop"), (Program(make_operator("ben")), "other")):
        response = one.post(
            "/environments", NEW | {"name": name, "account": account.pk}, **{"Idempotency-Key": "1"}
        )
        assert response.status_code == 201


def test_a_key_of_what_was_refused_can_be_used_again(program: Program) -> None:
    body = new(name="1")
    assert program.post("/environments", body, **{"Idempotency-Key": "one"}).status_code == 422

    assert (
        program.post("/environments", body | {"name": "shop"}, **{"Idempotency-Key": "one"}).status_code
        == 201
    )


def test_keys_are_forgotten_after_two_days(program: Program, shop: Environment) -> None:
    program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": "old"})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=3))

    program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": "new"})

    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(program: Program, shop: Environment, key: str) -> None:
    response = program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": key})

    assert code_of(response) == (422, "InvalidKey")


@pytest.mark.django_db(transaction=True)
def test_of_many_equal_requests_at_once_one_creates_the_environment(program: Program) -> None:
    body = new()

    def send(_number: int) -> Any:
        try:
            client = Client(headers={"Authorization": f"Bearer {program.value}", "Idempotency-Key": "one"})
            return client.post(f"{ROOT}/environments", body, "application/json").json().get("id")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(send, range(16)))

    assert found == {Deployment.objects.get().pk}


def test_a_change_is_previewed_and_applied(program: Program, shop: Environment) -> None:
    response = program.post(f"/environments/{shop.pk}/previews", {"parameters": {"Size": "large"}})
    assert response.status_code == 201, response.content
    found = response.json()
    assert (found["kind"], found["parameters"]["Size"], found["parameters"]["Database"]) == (
        *("update", "large", "orders"),
    )
    assert program.get(f"/deployments/{found['id']}/preview").json()["is_ready"] is False

    preview = make_preview(shop)
    path = f"/deployments/{preview.pk}"
    shown = program.get(f"{path}/preview").json()
    assert shown["is_ready"]
    assert shown["cancel_effect"] == "discard"
    assert code_of(program.post(f"{path}/apply", {"digest": "another"})) == (409, "PreviewOutOfDate")
    body = {"digest": shown["digest"], "typed_name": "shop"}
    assert program.post(f"{path}/apply", body).json()["applied_at"]


def test_a_change_of_a_version_that_does_not_exist_is_not_found(program: Program, shop: Environment) -> None:
    assert program.post(f"/environments/{shop.pk}/previews", {"template_version": 99}).status_code == 404


def test_an_environment_is_deleted_with_its_name(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}/deletion"

    refused = program.post(path, {"typed_name": "other", "unprotect": True})
    assert code_of(refused) == (422, "NameNotTyped")
    assert [error["field"] for error in refused.json()["errors"]] == ["typed_name"]
    assert program.post(path, {"typed_name": "shop", "unprotect": True}).json()["kind"] == "delete"


def test_an_environment_is_locked_and_unlocked(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}"
    until = (timezone.now() + timedelta(hours=1)).isoformat()

    locked = program.post(f"{path}/lock", {"reason": "load test", "expires_at": until}).json()
    assert locked["lock"]["reason"] == "load test"
    body = {"typed_name": "shop", "unprotect": True}
    assert code_of(program.post(f"{path}/deletion", body)) == (409, "Locked")
    assert program.post(f"{path}/unlock").json()["lock"] is None


def test_labels_are_set_and_returned(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}"

    assert program.post(f"{path}/labels", {"labels": {"team": "payments"}}).json()["labels"] == {
        "team": "payments"
    }
    assert program.get(path).json()["labels"] == {"team": "payments"}
    assert code_of(program.post(f"{path}/labels", {"labels": {"Team": "a"}})) == (422, "LabelKeyInvalid")
    assert program.post(f"{path}/labels", {"labels": {}}).json()["labels"] == {}
    created = program.post("/environments", new(name="new", labels={"team": "a"})).json()
    assert program.get(f"/environments/{created['environment']['id']}").json()["labels"] == {"team": "a"}


def test_a_second_person_approves_or_denies(program: Program, shop: Environment) -> None:
    Environment.objects.update(requires_approval=True)
    approver = Program(allow(make_user("ben"), "approve_change"))
    preview = make_preview(shop)
    path, digest = f"/deployments/{preview.pk}", preview.preview_digest
    assert code_of(approver.post(f"{path}/approve", {"digest": digest})) == (409, "NothingToApprove")

    assert (
        program.post(f"{path}/apply", {"digest": digest, "typed_name": "shop"}).json()["state"] == "approval"
    )
    assert program.get(f"{path}/preview").json()["approval"]["requested_by"] == "ana"
    assert program.post(f"{path}/approve", {"digest": digest}).status_code == 403
    assert approver.post(f"{path}/deny", {"reason": " "}).status_code == 422
    assert approver.post(f"{path}/approve", {"digest": digest}).status_code == 200
    assert Approval.objects.get().decision == "approved"


def test_several_people_approve_and_an_emergency_bypasses_them(program: Program, shop: Environment) -> None:
    admin = Program(make_grant(make_user("root"), role="admin"))
    rule = {"required": True, "approvals": 2, "role": "approver"}
    found = admin.post(f"/environments/{shop.pk}/require-approval", rule).json()
    assert (found["requires_approval"], found["approvals"], found["approver_roles"]) == (
        True,
        2,
        ["approver"],
    )
    preview = make_preview(shop)
    path, digest = f"/deployments/{preview.pk}", preview.preview_digest
    program.post(f"{path}/apply", {"digest": digest, "typed_name": "shop"})

    ben = Program(allow(make_user("ben"), "approve_change"))
    assert ben.post(f"{path}/approve", {"digest": digest}).json()["state"] == "approval"
    approval = program.get(f"{path}/preview").json()["approval"]
    assert (approval["approved_by"], approval["needed"]) == (["ben"], 2)
    assert code_of(ben.post(f"{path}/approve", {"digest": digest})) == (409, "NotPermitted")

    emergency = {"digest": digest, "reason": "the shop is down"}
    assert program.post(f"{path}/bypass", emergency).status_code == 403
    assert admin.post(f"{path}/bypass", emergency | {"reason": " "}).status_code == 422
    assert admin.post(f"{path}/bypass", emergency).json()["state"] == "queued"
    assert Approval.objects.get().reason == "the shop is down"


def test_a_deployment_is_canceled(program: Program, operator: User) -> None:
    row = make_deployment(make_environment("new", owner=operator), state="configuration")
    path = f"/deployments/{row.pk}/cancel"

    assert code_of(program.post(path, {"effect": "discard"})) == (409, "CancelEffectChanged")
    assert program.post(path).json()["canceled"]
    assert Deployment.objects.get(pk=row.pk).canceled_by == operator


def test_a_repeated_request_gets_the_first_response_although_it_would_be_refused(
    program: Program, shop: Environment
) -> None:
    path, key = f"/environments/{shop.pk}/lock", {"Idempotency-Key": str(uuid.uuid4())}
    first = program.post(path, {"reason": "load test"}, **key)

    assert program.post(path, {"reason": "load test"}, **key).json() == first.json()
    assert program.post(path, {"reason": "load test"}).status_code == 409
    assert EnvironmentLock.objects.count() == 1


def test_a_kept_response_is_not_returned_after_the_right_to_view_was_lost(
    operator: User, shop: Environment
) -> None:
    guest = make_grant(User.objects.create_user("guest"), role="deployer")
    program = Program(guest)
    preview = make_preview(shop)
    sent = [
        ("/environments", new()),
        (f"/environments/{shop.pk}/lock", {"reason": "load test"}),
        (f"/deployments/{preview.pk}/discard", {}),
    ]
    for path, body in sent:
        assert program.post(path, body, **{"Idempotency-Key": path}).status_code in (200, 201)

    guest.grants.all().delete()

    for path, body in sent:
        response = program.post(path, body, **{"Idempotency-Key": path})
        assert (path, *code_of(response)) == (path, 404, "NotFound")


PATHS = [
    ("/environments/{shop}/previews", {}, "change"),
    ("/environments/{shop}/retry", {}, "change"),
    ("/environments/{shop}/deletion", {"typed_name": "shop", "unprotect": True}, "delete"),
    ("/environments/{shop}/deletion-again", {"typed_name": "shop"}, "delete"),
    ("/environments/{shop}/rollback", {}, "change"),
    ("/environments/{shop}/continue-rollback", {}, "change"),
    ("/environments/{shop}/take-over", {}, "change"),
    ("/environments/{shop}/lock", {"reason": "test"}, "change"),
    ("/environments/{shop}/unlock", {}, "change"),
    ("/environments/{shop}/break-lock", {"reason": "test"}, "admin"),
    ("/environments/{shop}/labels", {"labels": {}}, "change"),
    ("/environments/{shop}/remaining/search", {}, "change"),
    (
        "/environments/{shop}/remaining/deletion",
        {"resources": [{"type": "a", "id": "b"}], "typed_name": "shop"},
        "delete",
    ),
    ("/environments/{shop}/require-approval", {"required": True}, "admin"),
    ("/environments/{shop}/channel", {"channel": "main"}, "change"),
    ("/environments/{shop}/resume-updates", {}, "change"),
    ("/environments/{shop}/close", {}, "delete"),
    ("/environments/{shop}/site-check", {}, "change"),
    ("/environments/{shop}/runs", {"association": "a"}, "change"),
    ("/environments/{shop}/protection", {}, "change"),
    ("/deployments/{preview}/apply", {"digest": "a"}, "change"),
    ("/deployments/{preview}/discard", {}, "change"),
    ("/deployments/{preview}/preview-again", {}, "change"),
    ("/deployments/{preview}/cancel", {}, "change"),
    ("/deployments/{preview}/approve", {"digest": "a"}, "approve"),
    ("/deployments/{preview}/deny", {"reason": "no"}, "approve"),
    ("/deployments/{preview}/bypass", {"digest": "a", "reason": "down"}, "admin"),
    ("/deployments/{preview}/rollback", {}, "change"),
    ("/deployments/{preview}/clean-up", {}, "delete"),
]
OTHER_PATHS = {
    "/environments",
    *("/people/{person_id}/active", "/service-accounts", "/grants", "/grants/{grant_id}/remove"),
    *("/approval-rules", "/approval-rules/{rule_id}/delete"),
    *("/accounts", "/accounts/{account_id}", "/accounts/{account_id}/delete"),
    *("/freeze-windows", "/freeze-windows/{window_id}", "/freeze-windows/{window_id}/delete"),
    *("/template-sets", "/template-sets/{set_id}", "/template-sets/{set_id}/remove"),
    *("/template-sets/{set_id}/webhook", "/refs/{ref_id}/confirm"),
    *("/teams", "/teams/{team_id}", "/teams/{team_id}/delete", "/teams/{team_id}/members"),
    "/teams/{team_id}/members/{person_id}/remove",
    *("/notifications", "/notifications/{target_id}", "/notifications/{target_id}/remove"),
    *("/notifications/{target_id}/secret", "/notifications/{target_id}/enabled"),
    *("/notifications/{target_id}/test", "/notifications/{target_id}/deliveries/{delivery_id}/retry"),
    "/recordings/{recording}/import",
    *("/template-sets/{set_id}/fetch", "/template-sets/{set_id}/archive"),
    "/versions/{version_id}/status",
}
"""Operations without an existing environment; other tests check their rights."""


@pytest.mark.parametrize("caller", ["viewer", "without the scope"])
def test_without_the_right_or_the_scope_nothing_is_requested(
    shop: Environment, operator: User, caller: str
) -> None:
    preview, now = make_preview(shop), timezone.now()
    Approval.objects.create(
        deployment=preview, requested_by=operator, requested_at=now, expires_at=now + timedelta(days=1)
    )
    viewer = Program(make_user("vic"))
    root = make_user("root", is_superuser=True)
    limited = {
        scope: Program(root, *(one for one in SCOPES if one != scope)) for _path, _body, scope in PATHS
    }
    before = Deployment.objects.count()

    for path, body, scope in PATHS:
        sender = viewer if caller == "viewer" else limited[scope]
        response = sender.post(path.format(shop=shop.pk, preview=preview.pk), body)
        assert (path, *code_of(response)) == (path, 403, "PermissionDenied")

    assert Deployment.objects.count() == before
    assert AuditRecord.objects.filter(outcome="refused").count() == len(PATHS)


def test_a_person_requests_nothing_about_rows_they_may_not_view(shop: Environment) -> None:
    preview, own = make_preview(shop), make_environment("own")
    guest = make_grant(User.objects.create_user("guest"), role="admin", scope="environment", environment=own)
    program = Program(guest)

    for path, body, _scope in PATHS:
        response = program.post(path.format(shop=shop.pk, preview=preview.pk), body)
        assert (path, *code_of(response)) == (path, 404, "NotFound")


def test_every_operation_is_in_the_tests_of_rights(program: Program) -> None:
    document = program.get("/openapi.json").json()
    posts = {
        path.removeprefix(ROOT) for path, operations in document["paths"].items() if "post" in operations
    }

    tested = {
        path.replace("{shop}", "{environment_id}").replace("{preview}", "{deployment_id}")
        for path, _body, _scope in PATHS
    }
    assert posts == tested | OTHER_PATHS


def test_an_association_is_run(program: Program, shop: Environment) -> None:
    association = Association.objects.of(shop)[0].association_id

    started = program.post(f"/environments/{shop.pk}/runs", {"association": association})

    assert started.status_code == 202
    assert started.json()["kind"] == "run_association"


def test_a_browser_needs_the_csrf_token_of_a_page_to_change_something(
    operator: User, shop: Environment
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    url = f"{ROOT}/environments/{shop.pk}/site-check"
    assert code_of(browser.post(url, {}, "application/json")) == (403, "CsrfFailed")

    browser.get("/environments/new")
    token = browser.cookies["csrftoken"].value
    response = browser.post(url, {}, "application/json", headers={"X-CSRFToken": token})
    assert response.status_code == 202
