"""Roles, teams and people through the API need the right to manage access and the token's scope for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team
from tests.api.clients import Program
from tests.builders import allow_only, make_account, make_environment, make_grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> Program:
    """A program of a superuser."""
    return Program(make_user("root", is_superuser=True))


def give(**values: Any) -> dict[str, Any]:
    return {"role": "viewer", "scope": "everything"} | values


def test_a_role_is_given_and_taken_away(root: Program) -> None:
    vic = make_user("vic")
    shop = make_environment("shop")
    body = give(person="vic", role="deployer", scope="environment", environment=shop.pk)

    given = root.post("/grants", body)

    assert given.status_code == 201, given.content
    found = given.json()
    assert (found["user"]["username"], found["environment"]["name"]) == ("vic", "shop")
    assert Program(vic).post(f"/environments/{shop.pk}/lock", {"reason": "test"}).status_code == 200
    assert root.post("/grants", body).json()["code"] == "role_given_already"
    listed = root.get("/grants", {"person": vic.pk}).json()["items"]
    assert found["id"] in [one["id"] for one in listed]
    assert root.post(f"/grants/{found['id']}/remove").json()["id"] == found["id"]
    assert not Grant.objects.filter(pk=found["id"]).exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "person"),
        ({"person": "nobody"}, "person"),
        ({"person": "vic", "scope": "account"}, "account"),
        ({"person": "vic", "scope": "label", "label": "team"}, "label"),
        ({"person": "vic", "role": "custom"}, "rights"),
    ],
)
def test_a_role_for_nothing_or_nobody_is_refused(root: Program, values: Any, field: str) -> None:
    make_user("vic")

    response = root.post("/grants", give(**values))

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_nobody_gives_more_than_they_have_there(operator: User) -> None:
    account = make_account()
    manager = Program(allow_only(make_user("mary"), "manage_access"))

    refused = manager.post(
        "/grants", give(person="ana", role="deployer", scope="account", account=account.pk)
    )

    assert refused.json()["code"] == "RoleNotYours"
    limited = Program(make_user("root", is_superuser=True), "read", "change")
    assert limited.post("/grants", give(person="ana")).json()["code"] == "PermissionDenied"
    assert AuditRecord.objects.filter(action="give_role", outcome="refused").count() == 2


def test_teams_have_members(root: Program, operator: User) -> None:
    team = root.post("/teams", {"name": "payments"}).json()
    path = f"/teams/{team['id']}"
    assert root.post("/teams", {"name": "Payments"}).json()["code"] == "team_name_taken"
    assert root.post(path, {"name": "billing", "description": "b"}).json()["description"] == "b"

    added = root.post(f"{path}/members", {"person": "ana"}).json()

    assert [one["username"] for one in added["members"]] == ["ana"]
    assert root.post(f"{path}/members", {"person": "nobody"}).status_code == 422
    assert root.get("/teams").json()["items"] == [added] == [root.get(path).json()]
    assert root.post(f"{path}/members/{operator.pk}/remove").json()["members"] == []
    assert root.post(f"{path}/delete").json()["name"] == "billing"
    assert not Team.objects.exists()


def test_service_accounts_are_created_and_people_deactivated(root: Program, operator: User) -> None:
    robot = root.post("/service-accounts", {"name": "robot", "description": "CI"}).json()
    assert (robot["is_service_account"], robot["description"]) == (True, "CI")
    assert root.post("/service-accounts", {"name": "robot"}).status_code == 422
    program = Program(operator)

    assert root.post(f"/people/{operator.pk}/active", {"active": False}).json()["is_active"] is False
    assert program.get("/me").status_code == 401
    me = User.objects.get(username="root")
    assert root.post(f"/people/{me.pk}/active", {"active": False}).json()["code"] == "LastWayIn"
    (found,) = root.get("/people", {"q": "obo"}).json()["items"]
    assert found == root.get(f"/people/{robot['id']}").json()


def test_the_rights_of_others_are_returned_to_those_who_may_view_them(root: Program) -> None:
    shop = make_environment("shop")
    guest = make_grant(
        User.objects.create_user("guest"), role="viewer", scope="environment", environment=shop
    )

    found = Program(guest).get(f"/environments/{shop.pk}/access").json()

    assert found["own_rights"] == ["deployments.view_environment"]
    assert {"guest", "root"} <= {one["user"]["username"] for one in found["items"]}
    path = f"/accounts/{shop.account_id}/access"
    assert Program(guest).get(path).status_code == 403
    assert "root" in [one["user"]["username"] for one in root.get(path).json()["items"]]


def test_a_kept_response_needs_the_right_as_well(root: Program) -> None:
    key = {"Idempotency-Key": "one"}
    assert root.post("/teams", {"name": "payments"}, **key).status_code == 201

    User.objects.update(is_superuser=False)

    assert root.post("/teams", {"name": "payments"}, **key).status_code == 403


def test_rules_of_approval_are_saved_and_deleted(root: Program, operator: User) -> None:
    body = {"label": "stage=production", "approvals": 2}

    saved = root.post("/approval-rules", body).json()

    assert (saved["label"], saved["approvals"], saved["role"]) == ("stage=production", 2, "approver")
    assert root.get("/approval-rules").json()["items"] == [saved]
    wrong = root.post("/approval-rules", {"label": "stage", "role": "nobody"}).json()["errors"]
    assert {error["field"] for error in wrong} == {"label", "role"}
    path = f"/approval-rules/{saved['id']}/delete"
    vic = Program(make_user("vic"))
    assert [vic.get("/approval-rules").status_code, vic.post(path).status_code] == [403, 403]
    assert vic.post("/approval-rules", body).status_code == 403
    assert root.post(path).json() == saved
    assert root.get("/approval-rules").json()["items"] == []


READS = ("/people", "/people/1", "/teams", "/teams/1", "/grants", "/accounts/1/access")
CHANGES: tuple[tuple[str, Any], ...] = (
    ("/people/1/active", {"active": True}),
    ("/service-accounts", {"name": "a"}),
    ("/teams", {"name": "a"}),
    ("/teams/1", {"name": "a"}),
    ("/teams/1/members", {"person": "ana"}),
    ("/teams/1/members/1/remove", {}),
    ("/teams/1/delete", {}),
    ("/grants", give(person="ana")),
    ("/grants/1/remove", {}),
)


def test_without_the_right_or_the_scope_nothing_is_seen_or_changed(operator: User) -> None:
    for program in (Program(operator), Program(make_user("root", is_superuser=True), "read", "change")):
        before = AuditRecord.objects.count()
        for path in READS:
            assert (path, program.get(path).status_code) == (path, 403)
        for path, body in CHANGES:
            assert (path, program.post(path, body).status_code) == (path, 403)
        assert AuditRecord.objects.filter(outcome="refused").count() >= len(CHANGES)
        assert AuditRecord.objects.count() == before + len(CHANGES)
