"""Requests of programs use the actions of the pages, and are refused for equal reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.models.approvals import Approval
from deployments.changes.models.assessments import assessment_of
from deployments.changes.pages.preview.rows import TreeQuery, tree
from deployments.common.models.idempotency import IdempotencyKey
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import Association
from deployments.template_sets.models.versions import TemplateVersion
from tests.api.clients import Program
from tests.api.creation import NEW, code_of, new
from tests.builders import (
    allow,
    make_account,
    make_deployment,
    make_environment,
    make_grant,
    make_user,
)
from tests.health_builders import make_whole
from tests.previews import make_preview, recorded_changes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("template_set")]


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


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"Size": "huge"}, "Must be one of: small, large."),
        ({"Count": "9"}, "Must be between 1 and 8."),
        ({"Database": "Date Log"}, "Lower case letters only."),
        ({"Password": "short"}, "Must have at least 8 characters."),
    ],
)
def test_a_value_that_is_not_allowed_is_told_as_in_the_form(
    program: Program, wrong: dict[str, str], sentence: str
) -> None:
    response = program.post("/environments", new(parameters=NEW["parameters"] | wrong))

    (name,) = wrong
    assert code_of(response) == (422, "InvalidRequest")
    assert sentence in str([one for one in response.json()["errors"] if name in str(one)])


def test_a_name_that_is_taken_is_a_conflict(program: Program, shop: Environment) -> None:
    response = program.post("/environments", new(account=shop.account_id))

    assert code_of(response) == (409, "NameTaken")
    assert response.json()["message"] == "environment_name_taken"


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


def test_a_scheduled_creation_gets_another_time_or_begins_now(program: Program, operator: User) -> None:
    tomorrow, later = (timezone.now() + timedelta(days=days) for days in (1, 2))
    values = {"state": "scheduled", "active_key": None, "scheduled_for": tomorrow, "due_at": tomorrow}
    row = make_deployment(make_environment("shop"), **values)
    path = f"/deployments/{row.pk}/schedule"

    assert program.post(path, {"scheduled_for": later.isoformat()}).status_code == 200
    assert Deployment.objects.get(pk=row.pk).due_at == later
    assert program.post(path).status_code == 200
    begins = Deployment.objects.get(pk=row.pk).scheduled_for
    assert begins is not None
    assert begins <= timezone.now()


def test_a_deployment_is_canceled(program: Program, operator: User) -> None:
    row = make_deployment(make_environment("new", owner=operator), state="configuration")
    path = f"/deployments/{row.pk}/cancel"

    assert code_of(program.post(path, {"effect": "discard"})) == (409, "CancelEffectChanged")
    assert program.post(path).json()["canceled"]
    assert Deployment.objects.get(pk=row.pk).canceled_by == operator


def test_an_association_is_run(program: Program, shop: Environment) -> None:
    association = Association.objects.of(shop)[0].association_id

    started = program.post(f"/environments/{shop.pk}/runs", {"association": association})

    assert started.status_code == 202
    assert started.json()["kind"] == "run_association"


# --- a check, and plans ----------------------------------------------------------------------------


def test_a_check_refuses_what_the_request_would_refuse_and_leaves_nothing(
    program: Program,
) -> None:
    taken = make_whole("taken")
    account = make_account().pk
    before = [model.objects.count() for model in (Environment, Deployment, AuditRecord, TemplateVersion)]
    for body in (
        new(account=account),
        new(account=account, name="1shop"),
        new(account=account, parameters={"Nope": "1"}),
        new(account=account, parameters={}),
        new(account=account + 1000),
        new(account=taken.account_id, name="taken"),
        new(account=account, template_version=999),
        new(account=account, labels={"Team": "x"}),
    ):
        checked = program.post("/environment-checks", body, **{"Idempotency-Key": "once"})
        asked = [model.objects.count() for model in (Environment, Deployment, AuditRecord, TemplateVersion)]
        assert asked == before
        assert not IdempotencyKey.objects.exists()
        with transaction.atomic():
            requested = program.post("/environments", body)
            transaction.set_rollback(True)
        if requested.status_code == 201:
            assert checked.status_code == 200
            assert checked.json()["parameters"] == requested.json()["parameters"]
        else:
            assert code_of(checked) == code_of(requested)
            assert checked.json()["errors"] == requested.json()["errors"]


def test_a_check_returns_what_would_be_created(program: Program) -> None:
    body = new(labels={"team": "payments"}, requires_approval=False, on_failure="keep", reason="Try")

    found = program.post("/environment-checks", body).json()

    assert (found["name"], found["labels"], found["on_failure"]) == ("shop", {"team": "payments"}, "keep")
    assert found["parameters"]["Database"] == "orders"
    assert "Password" not in found["parameters"]


def test_a_plan_that_was_not_applied_is_in_no_list(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}"
    plan = program.post(f"{path}/previews", {"parameters": {"Database": "other"}, "plan": True}).json()
    assert plan["operation"] == "plan"
    listed = [one["id"] for one in program.get("/deployments").json()["items"]]
    assert plan["id"] in listed  # while it is open, it can be discarded

    Deployment.objects.filter(pk=plan["id"]).update(state="canceled", ended_at=timezone.now())
    for list_ in ("/deployments", f"{path}/deployments"):
        assert plan["id"] not in [one["id"] for one in program.get(list_).json()["items"]]
    assert program.get(f"/deployments/{plan['id']}").status_code == 200
    Deployment.objects.filter(pk=plan["id"]).update(applied_by=shop.owner)
    assert plan["id"] in [one["id"] for one in program.get("/deployments").json()["items"]]


def test_a_preview_has_the_values_before_and_after(program: Program, shop: Environment) -> None:
    assert shop.latest
    Deployment.objects.filter(pk=shop.latest.pk).update(parameters=shop.parameters)
    preview = make_preview(
        shop, "traffic", parameters={"Database": "orders", "Size": "large"}, base=shop.latest
    )

    found = program.get(f"/deployments/{preview.pk}/preview").json()

    rows = tree(recorded_changes("traffic"), "root", assessment_of(preview), {}, TreeQuery(all_open=True), {})
    shown = {one.resource.path: one.properties for row in rows for one in row.rows}
    for resource in found["resources"]:
        if resource["path"] in shown:
            names = [one.name for one in shown[resource["path"]]]
            assert [one["name"] for one in resource["values"]] == names
    values = [one for resource in found["resources"] for one in resource["values"]]
    assert any(one["before"] != one["after"] for one in values)
    assert {one["name"]: (one["before"], one["after"]) for one in found["parameters"]}["Size"] == (
        "small",
        "large",
    )


def test_who_may_create_only_with_a_label_finds_the_account_and_creates() -> None:
    account = make_account("production")
    user = User.objects.create_user("leo")
    make_grant(user, role="deployer", scope="label", label_key="team", label_value="payments")
    program = Program(user)

    (row,) = program.get("/accounts").json()["items"]
    assert row["id"] == account.pk
    body = NEW | {"account": account.pk}
    assert code_of(program.post("/environments", body)) == (422, "LabelMissing")
    assert code_of(program.post("/environment-checks", body)) == (422, "LabelMissing")
    assert program.post("/environments", body | {"labels": {"team": "payments"}}).status_code == 201
