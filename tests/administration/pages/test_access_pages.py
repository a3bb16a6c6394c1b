"""The pages on which roles are managed, opened by an admin and by others."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments.access.models.grants import Grant, Label, Team
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from tests.builders import forget_access, make_account, make_environment, make_grant, make_user
from tests.pages.pages import page, rows

pytestmark = pytest.mark.django_db

PEOPLE = reverse("access_people")


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    """The browser of a user who may manage access to everything."""
    client.force_login(make_grant(make_user("boss"), role="admin"))
    return client


def test_an_admin_walks_from_a_new_team_to_what_its_member_may_do(admin: Client) -> None:
    environment, lee = make_environment("shop"), make_user("lee")
    Grant.objects.filter(user=lee).delete()

    admin.post(reverse("access_team_new"), {"name": "Payments", "description": ""})
    team = Team.objects.get()
    admin.post(reverse("access_member_add", args=[team.pk]), {"person": "lee"})
    given = {"who": "team:Payments", "role": "operator", "scope": "label", "label": "team=payments"}
    response = admin.post(reverse("access_give"), given, follow=True)
    Label.objects.create(environment=environment, key="team", value="payments")

    assert "Operator Label team=payments" in rows(response)[0]
    who = rows(admin.get(reverse("environment_access", args=[environment.pk])))
    assert "lee Operator Label team=payments, by the team Payments" in who
    assert can(forget_access(lee), Right.OPERATE, environment)
    person = page(admin.get(reverse("access_person", args=[lee.pk])))
    assert "Team Payments" in person.one("main").text
    assert not person.all("button", id=f"remove-grant-{Grant.objects.get(team=team).pk}")  # the team's

    admin.post(reverse("access_grant_remove", args=[Grant.objects.get(team=team).pk]))
    assert not can(forget_access(lee), Right.VIEW, environment)


def test_missing_values_of_the_form_are_reported_next_to_their_fields(admin: Client) -> None:
    make_user("lee")
    for given, field, text in (
        ({"role": "viewer", "scope": "everything"}, "who", "required"),
        (
            {"who": "nobody", "role": "viewer", "scope": "everything"},
            "who",
            "No active user and no team",
        ),
        ({"who": "lee", "role": "viewer", "scope": "account"}, "account", "required"),
        ({"who": "lee", "role": "viewer", "scope": "label", "label": "team"}, "label", "not a label"),
        ({"who": "lee", "role": "viewer", "scope": "everything"}, "role", "already assigned"),
    ):
        if field == "role":
            admin.post(reverse("access_give"), given)
        response = admin.post(reverse("access_give"), given)

        assert response.status_code == 422
        assert text in page(response).one("ul", id=f"id_{field}_error").text


def test_the_last_admin_stays_and_the_page_says_why(admin: Client) -> None:
    boss = User.objects.get(username="boss")
    grant = Grant.objects.get(user=boss, role="admin")

    response = admin.post(reverse("access_grant_remove", args=[grant.pk]), follow=True)

    assert "Somebody must be able to manage access" in page(response).one("main").text
    assert Grant.objects.filter(pk=grant.pk).exists()


def test_who_manages_one_account_sees_and_gives_no_more(client: Client) -> None:
    account, other = make_account("ours"), make_account("theirs")
    boss, lee = make_user("boss"), make_user("lee")
    make_grant(boss, role="admin", scope="account", account=account)
    make_grant(lee, role="admin", scope="account", account=other)
    client.force_login(boss)

    form = page(client.get(reverse("access_give")))
    (choice,) = form.one("select", id="id_account").all("option")[1:]
    assert choice["value"] == str(account.pk)
    assert "theirs" not in page(client.get(reverse("access_person", args=[lee.pk]))).one("main").text
    assert not page(client.get(reverse("access_teams"))).all("a", href=reverse("access_team_new"))
    given = {"who": "lee", "role": "admin", "scope": "everything"}
    assert client.post(reverse("access_give"), given).status_code == 403
    assert client.post(reverse("access_team_new"), {"name": "x"}).status_code == 403


def test_without_the_right_there_is_no_link_and_no_page(browser: Client) -> None:
    assert not page(browser.get(reverse("environments"))).all("a", href=PEOPLE)
    assert browser.get(PEOPLE).status_code == 403


def test_viewers_see_what_they_may_do_in_an_environment(client: Client) -> None:
    environment = make_environment("shop")
    client.force_login(make_user("lee"))

    shown = page(client.get(reverse("environment_access", args=[environment.pk])))

    own = [li.text for li in shown.one("ul", class_="own-rights").all("li")]
    assert [text for text in own if text.startswith("✓")] == ["✓ Yes: View"]
    assert "lee Viewer Everything" in shown.one("tbody").text
    assert not shown.one("main").all("a", class_="primary")


def test_more_people_cost_no_more_queries(admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert admin.get(PEOPLE).status_code == 200
        return len(seen)

    few = queries()
    for _number in range(5):
        make_grant(make_user(), role="operator")

    assert queries() == few
    assert rows(admin.get(PEOPLE, {"q": "BOSS"})) == [r for r in rows(admin.get(PEOPLE)) if "boss" in r]
    assert "No matching users" in page(admin.get(PEOPLE, {"q": "nobody"})).one("main").text


def test_a_service_account_and_a_person_are_deactivated(admin: Client) -> None:
    response = admin.post(reverse("access_service_account_new"), {"name": "ci", "description": "GitHub"})
    account = User.objects.get(username="ci")
    assert response["Location"] == reverse("access_person", args=[account.pk])
    tokens = f"{reverse('tokens')}?owner={account.pk}"
    assert "API tokens" in page(admin.get(response["Location"])).one("a", href=tokens).text
    assert "ci" in page(admin.get(tokens)).one("main").text

    shown = admin.post(reverse("access_person_active", args=[account.pk]), {"active": "no"}, follow=True)

    account.refresh_from_db()
    assert not account.is_active
    assert "Inactive" in page(shown).one("main").text
