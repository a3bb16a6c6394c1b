"""The form that gives a role: who is found, and the sentence of what they will be able to do."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.access.models.grants import Grant, Team
from deployments.access.rules.roles import FOR_EVERYTHING, Right, Role, Scope, effective_rights
from tests.builders import make_account, make_environment, make_grant, make_user
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db

GIVE = reverse("access_give")


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    """The browser of a user who may manage access to everything."""
    client.force_login(make_grant(make_user("boss"), role="admin"))
    return client


@pytest.fixture
def payments() -> Team:
    """A team with one member."""
    team = Team.objects.create(name="Payments", key="payments")
    team.members.add(make_user("lee"))
    return team


def effect(browser: Client, **given: str | int) -> str:
    """Return the sentence that follows the form."""
    return page(browser.get(GIVE, given, headers={"HX-Request": "true"})).text


def found(browser: Client, text: str) -> list[tuple[str, str]]:
    """Return the value and the text of each option."""
    options: list[Element] = page(browser.get(reverse("access_subjects"), {"q": text})).all(
        "div", role="option"
    )
    return [(one["data-value"], one.text) for one in options]


def test_people_service_accounts_and_teams_are_found_by_name_and_address(
    admin: Client, payments: Team
) -> None:
    User.objects.filter(username="lee").update(email="lee.payne@example.com")
    make_user("gone", is_active=False)

    assert found(admin, "pay") == [
        ("lee", "lee lee.payne@example.com"),
        ("team:Payments", "Payments Team, 1 member"),
    ]
    assert found(admin, "gone") == []
    listed = page(admin.get(GIVE)).one(id="subjects")
    assert "team:Payments" in [option["value"] for option in listed.all("option")]


@pytest.mark.parametrize("typed", ["lee", "Lee.Payne@example.com", "team:payments", "PAYMENTS"])
def test_a_role_is_given_by_name_address_or_team(admin: Client, payments: Team, typed: str) -> None:
    lee = User.objects.get(username="lee")
    User.objects.filter(pk=lee.pk).update(email="lee.payne@example.com")
    before = set(Grant.objects.values_list("pk", flat=True))

    admin.post(GIVE, {"who": typed, "role": "operator", "scope": "everything"})

    grant = Grant.objects.exclude(pk__in=before).get()
    assert (grant.user, grant.team) == ((lee, None) if "ee" in typed.lower() else (None, payments))


def test_a_name_of_both_a_user_and_a_team_is_refused(admin: Client, payments: Team) -> None:
    make_user("payments")

    response = admin.post(GIVE, {"who": "payments", "role": "viewer", "scope": "everything"})

    assert "Choose one from the list" in page(response).one(id="id_who_error").text


def test_one_sentence_says_what_they_will_be_able_to_do(admin: Client, payments: Team) -> None:
    account = make_account("production")
    shop = make_environment("shop", account=account)

    assert (
        effect(admin, who="lee", role="viewer", scope="everything") == "lee will be able to view everywhere."
    )
    operator = "view, run associations and site checks, take snapshots and lock"
    assert effect(admin, who="team:Payments", role="operator", scope="environment", environment=shop.pk) == (
        f"Each member of the team Payments will be able to {operator} in the environment shop."
    )
    assert effect(admin, who="lee", role="admin", scope="account", account=account.pk) == (
        "lee will be able to do everything except manage template sets and manage accounts and freeze "
        "windows in the account production and all its environments, now and later."
    )
    assert effect(admin, role="approver", scope="label", label="team=a") == (
        "The person or team will be able to view and approve changes in every environment with the label "
        "team=a, now and later."
    )
    assert "label …, now" in effect(admin, who="lee", role="approver", scope="label")
    assert effect(admin, who="lee", role="custom", scope="everything") == "Select at least one right."
    locks: dict[str, str | int] = {"role": "custom", "rights": Right.LOCK.value, "scope": "everything"}
    assert effect(admin, who="lee", **locks) == "lee will be able to view and lock everywhere."


def test_the_page_shows_the_sentence_of_its_first_values(admin: Client, payments: Team) -> None:
    account = make_account("production")

    address = f"{GIVE}?who=team:Payments&scope=account&account={account.pk}"
    shown = page(admin.get(address))

    assert shown.one(id="id_who")["value"] == "team:Payments"
    assert "Each member of the team Payments will be able to view" in shown.one(id="grant-effect").text
    assert "account production" in shown.one(id="grant-effect").text


def test_accounts_that_one_does_not_manage_are_not_named(client: Client, payments: Team) -> None:
    other, boss = make_account("theirs"), make_user("boss")
    make_grant(boss, role="admin", scope="account", account=make_account("ours"))
    client.force_login(boss)

    assert "theirs" not in effect(client, who="lee", role="viewer", scope="account", account=other.pk)


@pytest.mark.parametrize("scope", list(Scope))
def test_every_role_allows_what_its_declaration_says(scope: Scope) -> None:
    for role in Role:
        rights = effective_rights(role, [Right.LOCK], scope)
        assert Right.VIEW in rights
        assert scope is Scope.EVERYTHING or not rights & FOR_EVERYTHING
    assert effective_rights(Role.CUSTOM, [], scope) == frozenset()
    assert effective_rights(Role.ADMIN, [], Scope.EVERYTHING) == frozenset(Right)
