"""Invitations: an administrator adds a person, who sets a password through a link that works once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team
from deployments.administration.commands import grants, invitations
from deployments.administration.models.invitations import Invitation
from deployments.administration.models.sessions import UserSession
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from portal.login import limits
from tests.builders import allow, make_grant, make_user
from tests.limits import stop_clock
from tests.mailbox import mailbox
from tests.pages.pages import page, rows
from tests.services import LOOPBACK, Redis, free_port

PEOPLE, INVITE, ACCEPT = reverse("access_people"), reverse("access_invite"), reverse("invitation")
GOOD = {"new_password1": "quite a long one", "new_password2": "quite a long one"}


@pytest.fixture
def boss(client: Client, db: None, redis_server: Redis) -> Client:
    """The browser of a user who may manage access to everything."""
    client.force_login(make_grant(make_user("boss"), role="admin"))
    return client


def invite(boss: Client, **given: object) -> str:
    """Invite Lee; return the path of the link."""
    shown = page(boss.post(INVITE, {"name": "lee", "email": "", "roles": ["operator"]} | given))
    return shown.one("code", id="invitation-link").text.removeprefix("http://testserver")


def lee() -> User:
    return User.objects.get(username="lee")


def login_page(client: Client) -> str:
    return page(client.get(reverse("login"))).one("main").text


def test_an_invited_person_sets_the_password_and_is_logged_in(boss: Client) -> None:
    team = Team.objects.create(name="Payments", key="payments")
    link = invite(boss, roles=["operator", "approver"], teams=[team.pk], email="lee@example.com")
    assert not lee().has_usable_password()
    assert "Invited, not accepted yet" in next(row for row in rows(boss.get(PEOPLE)) if "lee" in row)
    assert set(Grant.objects.filter(user=lee()).values_list("role", flat=True)) == {"operator", "approver"}
    assert list(lee().teams.all()) == [team]

    browser = Client()
    assert browser.get(link)["Location"] == ACCEPT
    assert "Your user name is lee" in page(browser.get(ACCEPT)).one("main").text
    assert browser.post(ACCEPT, GOOD)["Location"] == "/"

    assert browser.get("/environments/").status_code == 200
    assert UserSession.objects.get().user == lee()
    assert lee().check_password("quite a long one")
    assert not Invitation.objects.exists()
    actions = list(AuditRecord.objects.filter(user=lee()).values_list("action", flat=True))
    assert sorted(actions) == ["accept_invitation", "sign_in"]
    assert "accepted yet" not in "".join(rows(boss.get(PEOPLE)))


def test_a_link_works_once(boss: Client) -> None:
    link = invite(boss)
    first, second = Client(), Client()
    first.get(link)
    second.get(link)
    first.post(ACCEPT, GOOD)

    assert second.post(ACCEPT, GOOD)["Location"] == reverse("login")
    assert "no longer valid" in login_page(second)
    assert Client().get(link)["Location"] == reverse("login")
    assert second.get("/environments/").status_code == 302


def test_only_the_digest_of_a_link_is_stored_and_no_log_has_it(
    boss: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    link = invite(boss)
    Client().get(link)
    value = link.rpartition("=")[2]

    assert len(value) > 40
    assert value not in str(Invitation.objects.values().get())
    assert value not in caplog.text
    assert "/invitation/ 302" in caplog.text
    assert value not in str(list(AuditRecord.objects.values()))


def test_passwords_are_validated(boss: Client) -> None:
    link, browser = invite(boss), Client()
    browser.get(link)
    for password, text in (("short", "too short"), ("password1", "too common"), ("lee-lee-lee", "")):
        response = browser.post(ACCEPT, {"new_password1": password, "new_password2": password})
        if text:
            assert response.status_code == 422
            assert text in page(response).one("main").text
    assert browser.post(ACCEPT, GOOD | {"new_password2": "another one"})["Location"]


def test_an_expired_or_deactivated_invitation_is_refused(boss: Client) -> None:
    link = invite(boss)
    browser = Client()
    browser.get(link)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert browser.post(ACCEPT, GOOD)["Location"] == reverse("login")
    assert not lee().has_usable_password()
    assert "Invitation expired" in "".join(rows(boss.get(PEOPLE)))
    Invitation.objects.update(expires_at=timezone.now() + timedelta(days=1))
    User.objects.filter(username="lee").update(is_active=False)
    assert browser.get(link)["Location"] == reverse("login")


def test_a_renewed_invitation_has_another_link(boss: Client) -> None:
    earlier = invite(boss)
    shown = page(boss.post(reverse("access_invitation_renew", args=[lee().pk])))
    link = shown.one("code", id="invitation-link").text.removeprefix("http://testserver")

    assert Client().get(earlier)["Location"] == reverse("login")
    assert Client().get(link)["Location"] == ACCEPT


@pytest.mark.parametrize("given", ["role", "team", "role of a team", "superuser"])
def test_a_link_does_not_give_what_its_person_got_later(boss: Client, given: str) -> None:
    team = Team.objects.create(name="Payments", key="payments")
    link = invite(boss, teams=[team.pk] if given == "role of a team" else [])
    other = Client()
    other.get(link)  # followed before, without a password yet
    root, person = User.objects.get(username="boss"), lee()
    if given == "role":
        grants.give_role(user=root, grant=Grant(user=person, role="admin"))
    elif given == "team":
        grants.give_role(user=root, grant=Grant(team=team, role="admin"))
        grants.add_member(user=root, team=team, person=person)
    elif given == "superuser":
        User.objects.filter(pk=person.pk).update(is_superuser=True)
    else:
        grants.give_role(user=root, grant=Grant(team=team, role="admin"))

    assert "no longer valid" in login_page_of(Client(), link)
    other.post(ACCEPT, GOOD)
    assert not lee().has_usable_password()
    assert "Invitation void" in next(row for row in rows(boss.get(PEOPLE)) if "lee" in row)
    assert "it is void" in page(boss.get(reverse("access_person", args=[person.pk]))).one("main").text

    if given != "superuser":
        renewed = boss.post(reverse("access_invitation_renew", args=[person.pk]))
        link = page(renewed).one("code", id="invitation-link").text.removeprefix("http://testserver")
        browser = Client()
        browser.get(link)
        browser.post(ACCEPT, GOOD)
        assert lee().check_password(GOOD["new_password1"])


def login_page_of(browser: Client, link: str) -> str:
    return page(browser.get(link, follow=True)).one("main").text


def test_a_link_works_after_a_role_was_removed(boss: Client) -> None:
    link = invite(boss)
    Grant.objects.filter(user=lee()).delete()
    browser = Client()
    browser.get(link)
    browser.post(ACCEPT, GOOD)

    assert lee().has_usable_password()


def test_a_withdrawn_invitation_deletes_who_never_signed_in(boss: Client) -> None:
    link = invite(boss)
    withdrawn = boss.post(reverse("access_invitation_withdraw", args=[lee().pk]), follow=True)

    assert "The invitation of lee is withdrawn." in page(withdrawn).one("main").text
    assert not User.objects.filter(username="lee").exists()
    assert Client().get(link)["Location"] == reverse("login")
    assert AuditRecord.objects.filter(action="withdraw_invitation", name="lee").exists()


def test_who_signed_in_another_way_stays_when_the_invitation_is_withdrawn(boss: Client) -> None:
    invite(boss)
    User.objects.filter(username="lee").update(last_login=timezone.now())
    boss.post(reverse("access_invitation_withdraw", args=[lee().pk]))

    assert not hasattr(lee(), "invitation")
    refused = boss.post(reverse("access_invitation_renew", args=[lee().pk]), follow=True)
    assert "lee has no open invitation" in page(refused).one("main").text


def test_nobody_gives_by_an_invitation_what_they_could_not_give(db: None) -> None:
    manager = make_user("manager")
    allow(manager, "manage_access", "view_environment")
    admins = Team.objects.create(name="Admins", key="admins")
    Grant.objects.create(team=admins, role="admin", key="team admins")
    for given in ({"roles": ["admin"], "teams": []}, {"roles": [], "teams": [admins]}):
        with pytest.raises(UserFixable) as refused:
            invitations.invite(user=manager, name="lee", email="", **given)
        assert refused.value.message.code == Code.ROLE_NOT_YOURS
    assert not User.objects.filter(username="lee").exists()
    invitations.invite(
        user=make_user("root", is_superuser=True), name="lee", email="", roles=["admin"], teams=[]
    )
    with pytest.raises(UserFixable):
        invitations.renew_invitation(user=manager, person=lee())


def test_who_has_not_accepted_is_not_the_last_way_in(boss: Client) -> None:
    invite(boss, roles=["admin"])
    boss_user = User.objects.get(username="boss")

    with pytest.raises(UserFixable) as refused:
        grants.remove_grant(user=boss_user, grant=Grant.objects.get(user=boss_user, role="admin"))
    assert refused.value.message.code == Code.LAST_WAY_IN


def test_a_taken_name_is_refused_next_to_its_field(boss: Client) -> None:
    make_user("lee")
    response = boss.post(INVITE, {"name": "lee", "email": "nothing"})
    assert "valid email" in page(response).one("ul", id="id_email_error").text
    response = boss.post(INVITE, {"name": "lee"})

    assert response.status_code == 422
    assert "A user named lee already exists" in page(response).one("ul", id="id_name_error").text


def test_the_link_is_sent_by_mail(boss: Client, settings: Settings) -> None:
    settings.SANSO_MAIL, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = LOOPBACK
    with mailbox() as box:
        settings.EMAIL_PORT = box.port
        shown = page(boss.post(INVITE, {"name": "lee", "email": "lee@example.com"}))

    assert "The link was sent to lee@example.com" in shown.one("main").text
    assert box.recipients == ["lee@example.com"]
    found = re.search(r"http://testserver(/invitation/\?\S+)", box.text())
    assert found
    assert Client().get(found[1])["Location"] == ACCEPT


def test_without_a_mail_server_the_admin_passes_the_link_on(boss: Client, settings: Settings) -> None:
    settings.SANSO_MAIL, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = LOOPBACK, free_port()
    shown = page(boss.post(INVITE, {"name": "lee", "email": "lee@example.com"}))

    assert "The mail server did not accept the message to lee@example.com" in shown.one("main").text
    assert "/invitation/" in shown.one("code", id="invitation-link").text


def test_links_are_limited_by_address(
    db: None, redis_server: Redis, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch)
    for _ in range(limits.ADDRESS_BURST):
        Client().get(f"{ACCEPT}?key=guess")

    client.get(f"{ACCEPT}?key=guess")
    assert "Too many failed attempts" in login_page(client)
