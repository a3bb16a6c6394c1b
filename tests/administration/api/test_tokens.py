"""Tokens: authentication, expiry, and where their values are stored."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import ServiceAccount
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.roles import Right
from deployments.access.rules.token_scopes import PREFIX, SCOPES, rights_of
from deployments.administration.commands.tokens import MAX_TOKENS, create_token, revoke_token
from deployments.common.errors import UserFixable
from tests.api.clients import ROOT, Program
from tests.builders import allow_only, make_grant, make_operator, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def test_a_token_identifies_its_owner(program: Program) -> None:
    me = program.get("/me").json()

    assert me["user"]["username"] == "ana"
    assert me["token"]["prefix"] == program.value[:12]
    assert "deployments.add_deployment" in me["rights"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer sanso_wrong", "Basic YTpi", "Bearer \u3042"])
def test_requests_without_a_valid_token_are_rejected(client: Client, operator: User, header: str) -> None:
    """A wrong token is rejected even if the request has a session."""
    if header:
        client.force_login(operator)
    response = client.get(f"{ROOT}/me", headers={"Authorization": header} if header else None)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "NotAuthenticated"


def test_a_token_ends_when_it_expires_its_owner_is_deactivated_or_it_is_revoked(operator: User) -> None:
    expired, revoked, orphan = Program(operator), Program(operator), Program(make_user("leaver"))
    assert [one.get("/me").status_code for one in (expired, revoked, orphan)] == [200] * 3

    expired.expire()
    revoke_token(user=operator, token=revoked.token)
    User.objects.filter(username="leaver").update(is_active=False)

    assert [one.get("/me").status_code for one in (expired, revoked, orphan)] == [401] * 3


def test_a_token_has_no_more_rights_than_its_scopes_and_its_owner(operator: User) -> None:
    reader, deployer = Program(operator, "read"), Program(operator, "deploy")
    stranger = Program(User.objects.create_user("sam"))

    assert reader.get("/me").json()["rights"] == ["deployments.view_environment"]
    assert "deployments.add_deployment" in deployer.get("/me").json()["rights"]
    assert "deployments.change_environment" not in deployer.get("/me").json()["rights"]
    assert stranger.get("/me").json()["rights"] == []


def test_a_superuser_has_no_more_than_the_scopes_either() -> None:
    root = make_user("root", is_superuser=True)

    assert Program(root, "deploy").get("/me").json()["rights"] == [
        "deployments.view_environment",
        "deployments.add_deployment",
        "deployments.view_auditrecord",
    ]


def test_rights_that_no_scope_lists_need_the_scope_admin() -> None:
    assert rights_of(SCOPES) == frozenset(Right)
    assert Right.MANAGE_ACCESS not in rights_of([one for one in SCOPES if one != "admin"])


def test_the_last_use_is_written_once_a_minute(program: Program) -> None:
    program.get("/me")
    first = ApiToken.objects.get().last_used_at
    program.get("/me")
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    program.get("/me")
    assert (ApiToken.objects.get().last_used_at or first) >= first


def test_the_value_is_only_in_the_response(operator: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    program = Program(operator)
    program.get("/me")
    program.get("/environments/1")

    assert program.value.startswith(PREFIX)
    secret = program.value.removeprefix(PREFIX)[6:]
    stored = [str(vars(row)) for model in (ApiToken, AuditRecord) for row in model.objects.all()]
    assert not [one for one in [*stored, caplog.text] if secret in one]


def test_a_session_only_reads_unless_it_has_the_csrf_token_of_a_page(operator: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)

    assert browser.get(f"{ROOT}/me").json()["token"] is None
    assert browser.post(f"{ROOT}/me").status_code == 405


def test_the_page_shows_a_new_token_once_and_revokes_it(operator: User, client: Client) -> None:
    client.force_login(operator)
    url = reverse("tokens")
    assert "No API tokens yet" in page(client.get(url)).text

    shown = client.post(url, {"name": "CI", "scopes": ["deploy"], "lifetime_days": "30"})
    value = page(shown).one("code", id="token-value").text
    assert value.startswith(PREFIX)
    assert "no-store" in shown["Cache-Control"]
    listed = page(client.get(url))
    assert value not in listed.text
    assert "read, deploy" in listed.text

    token = ApiToken.objects.get()
    client.post(reverse("token_revoke", args=[token.pk]))
    assert "Revoked" in page(client.get(url)).one(id=f"token-{token.pk}").text
    assert [one.action for one in AuditRecord.objects.order_by("pk")] == ["create_token", "revoke_token"]


def test_the_page_reports_what_is_wrong_with_a_token(operator: User, client: Client) -> None:
    client.force_login(operator)

    response = client.post(reverse("tokens"), {"name": "", "lifetime_days": "9999"})

    assert response.status_code == 422
    assert "This field is required." in page(response).text
    assert not ApiToken.objects.exists()


def test_nobody_views_or_revokes_the_tokens_of_others(operator: User, client: Client) -> None:
    program = Program(operator)
    client.force_login(make_operator("ben"))

    assert client.post(reverse("token_revoke", args=[program.token.pk])).status_code == 404
    assert "CI" not in page(client.get(reverse("tokens"))).one("main").text
    assert program.get("/me").status_code == 200


def test_access_managers_create_and_revoke_tokens_of_service_accounts(client: Client, operator: User) -> None:
    robot = User.objects.create_user("robot")
    ServiceAccount.objects.create(user=robot)
    of_robot, of_person = f"?owner={robot.pk}", f"?owner={operator.pk}"
    client.force_login(make_operator("ben"))
    assert client.get(reverse("tokens") + of_robot).status_code == 403

    client.force_login(make_user("root", is_superuser=True))
    assert client.get(reverse("tokens") + of_person).status_code == 404
    client.post(reverse("tokens") + of_robot, {"name": "CI", "lifetime_days": "30"})
    token = ApiToken.objects.get()
    assert token.owner == robot
    assert "Tokens of robot" in page(client.get(reverse("tokens") + of_robot)).text
    client.post(reverse("token_revoke", args=[token.pk]) + of_robot)
    assert ApiToken.objects.get().revoked_at
    with pytest.raises(PermissionDenied):
        create_token(
            user=make_user("root2", is_superuser=True), owner=operator, name="CI", scopes=[], lifetime_days=7
        )


def test_a_person_has_a_limited_number_of_tokens(operator: User) -> None:
    for _ in range(MAX_TOKENS):
        create_token(user=operator, name="CI", scopes=[], lifetime_days=7)

    with pytest.raises(UserFixable, match="TooManyTokens"):
        create_token(user=operator, name="CI", scopes=[], lifetime_days=7)


def test_a_token_of_a_service_account_gives_nobody_rights_that_they_lack(client: Client, db: None) -> None:
    robot = User.objects.create_user("robot")
    ServiceAccount.objects.create(user=robot)
    make_grant(robot, role="admin")
    manager = allow_only(make_user("mary"), "manage_access")
    client.force_login(manager)

    refused = client.post(f"{reverse('tokens')}?owner={robot.pk}", {"name": "CI", "lifetime_days": "30"})

    assert refused.status_code == 422
    assert not ApiToken.objects.exists()
    robot.grants.all().delete()
    make_grant(robot, role="viewer")
    client.post(f"{reverse('tokens')}?owner={robot.pk}", {"name": "CI", "lifetime_days": "30"})
    assert ApiToken.objects.get().owner == robot


@pytest.mark.parametrize(("language", "text"), [("ja", "90 日"), ("en", "90 days")])
def test_the_lifetimes_are_in_the_language_of_the_page(
    client: Client, operator: User, language: str, text: str
) -> None:
    client.force_login(operator)

    shown = page(client.get(reverse("tokens"), headers={"Accept-Language": language}))

    assert text in [one.text for one in shown.all("option")]
