"""Sessions: listed, and ended by their user, an administrator or the identity provider."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.administration.commands.grants import save_team
from deployments.administration.models.sessions import UserSession
from deployments.administration.shared import sessions
from deployments.common.models import leases
from deployments.common.models.encryption import decrypt_values
from deployments.live import access
from portal.login import sessions as login_sessions
from tests.builders import make_grant, make_user
from tests.pages.pages import page
from tests.portal.identity_provider import IdentityProvider, start_provider
from tests.services import Redis, free_port

pytestmark = pytest.mark.core
SECURITY = reverse("account_security")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    server = start_provider(tmp_path_factory.mktemp("provider"))
    yield server
    server.stop()


@pytest.fixture
def provider(server: IdentityProvider, settings: Settings, db: None, redis_server: Redis) -> IdentityProvider:
    settings.SANSO_OIDC_ISSUER = server.issuer
    settings.SANSO_OIDC_CLIENT_ID = "sanso"
    settings.SANSO_OIDC_CLIENT_SECRET = "a secret"
    settings.SANSO_OIDC_GROUPS = ["ops=operator", "payments=team:Payments", "sre=admin"]
    server.set_user("s-1", preferred_username="ana", groups=["ops", "payments"])
    return server


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("ana")


def log_in(agent: str = "") -> Client:
    client = Client(headers={"User-Agent": agent})
    client.post(reverse("login"), {"username": "ana", "password": "a long password"})
    return client


def is_logged_in(client: Client) -> bool:
    return client.get("/environments/").status_code == 200


def check() -> None:
    """Take the step of every session that is due, as a worker does."""
    rows = UserSession.objects.of_provider()
    rows.update(due_at=timezone.now())
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        sessions.run_check(pk, version)


def stream_access(client: Client) -> dict[str, access.StreamAccess]:
    """Return the access that event streams read at each heartbeat."""
    return access.of_sessions([client.cookies["sessionid"].value])


def roles() -> set[tuple[str, str]]:
    return set(Grant.objects.values_list("role", "source"))


def test_own_sessions_are_listed_with_browser_and_address(user: User) -> None:
    here = log_in()
    log_in(FIREFOX)
    make_user("bob")
    Client().force_login(user)

    section = page(here.get(SECURITY)).one("section", aria_labelledby="sessions")
    first, second = (item.text for item in section.all("li"))
    assert "Firefox · Linux" in first
    assert "From 127.0.0.1" in first
    assert "End session" in first
    assert "This session" in second
    assert "End session" not in second


def test_a_session_is_ended_with_its_streams(user: User) -> None:
    here, other = log_in(), log_in()
    row = UserSession.objects.get(session_key=other.cookies["sessionid"].value)
    assert stream_access(other)

    assert here.post(reverse("account_session_end", args=[row.pk]))["Location"] == SECURITY
    assert not is_logged_in(other)
    assert not stream_access(other)
    assert is_logged_in(here)


def test_all_other_sessions_are_ended_also_unrecorded_ones(user: User) -> None:
    here, other, earlier = log_in(), log_in(), Client()
    earlier.force_login(user)  # as before the upgrade, without a record
    bob = Client()
    bob.force_login(make_user("bob"))

    here.post(reverse("account_sessions_end"))
    assert [is_logged_in(client) for client in (here, other, earlier, bob)] == [True, False, False, True]


def test_sessions_of_other_users_are_not_found(user: User) -> None:
    log_in()
    bob = Client()
    bob.force_login(make_user("bob"))

    assert bob.post(reverse("account_session_end", args=[UserSession.objects.get().pk])).status_code == 404
    assert UserSession.objects.count() == 1


def test_an_administrator_ends_sessions_of_others(user: User) -> None:
    other = log_in()
    admin = Client()
    admin.force_login(make_user("root", is_staff=True, is_superuser=True))
    assert "ana" in admin.get(reverse("admin:deployments_usersession_changelist")).text
    url = reverse("admin:deployments_usersession_delete", args=[UserSession.objects.get().pk])

    assert admin.post(url, {"post": "yes"}).status_code == 302
    assert not is_logged_in(other)


def test_a_session_stays_listed_after_a_change_of_the_password(user: User) -> None:
    here = log_in()
    form = {"old_password": "a long password", "new_password1": "quite another one"}
    here.post(reverse("password_change"), form | {"new_password2": "quite another one"})

    assert UserSession.objects.get().session_key == here.cookies["sessionid"].value


def test_the_last_use_is_noted(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = log_in()
    UserSession.objects.update(used_at=timezone.now() - timedelta(hours=1))
    before = UserSession.objects.get().used_at
    key, long_ago = here.cookies["sessionid"].value, time.monotonic() - login_sessions.INTERVAL
    monkeypatch.setattr(login_sessions, "_noted", OrderedDict({key: long_ago}))
    here.get("/environments/")
    after = UserSession.objects.get().used_at
    here.get("/environments/")

    assert after > before
    assert UserSession.objects.get().used_at == after  # not at every request


def test_groups_give_roles_and_teams_which_end_with_them(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    user = User.objects.get()
    assert roles() == {("operator", "oidc")}
    assert TeamMember.objects.get().team.name == "Payments"
    Grant.objects.create(user=user, role="viewer", key="by hand")
    by_hand = Team.objects.create(name="Others", key="others")
    TeamMember.objects.create(team=by_hand, user=user)

    provider.set_user("s-1", groups=["sre"])
    check()
    assert roles() == {("admin", "oidc"), ("viewer", "")}
    assert [member.team.name for member in TeamMember.objects.all()] == ["Others"]
    provider.set_user("s-1", groups=[])
    provider.log_in(Client(), "s-1")
    assert roles() == {("viewer", "")}


def test_a_group_stays_with_its_team_whatever_teams_are_called(
    provider: IdentityProvider, client: Client
) -> None:
    root = make_grant(make_user("root"), role="admin")
    provider.log_in(client, "s-1")
    payments = Team.objects.get()
    save_team(user=root, team=payments, name="Billing", description="")
    other = Team(description="")
    save_team(user=root, team=other, name="Payments", description="")

    check()

    assert TeamMember.objects.get().team == payments
    Team.objects.filter(pk=payments.pk).delete()
    check()
    assert TeamMember.objects.get().team == other  # as when the name is new in the mapping


def test_a_name_of_the_mapping_does_not_reach_a_team_that_has_groups_of_its_own(
    provider: IdentityProvider, client: Client, settings: Settings
) -> None:
    provider.log_in(client, "s-1")
    payments = Team.objects.get()
    payments.name, payments.key = "Admins", Team.key_for("Admins")
    payments.save()
    settings.SANSO_OIDC_GROUPS = ["nobody=team:Payments", "payments=team:Admins"]
    check()
    assert not TeamMember.objects.exists()

    settings.SANSO_OIDC_GROUPS = ["payments=team:Admins"]  # the settings follow the new name
    check()
    assert TeamMember.objects.get().team == payments


def test_an_account_that_the_provider_disabled_loses_sessions_and_streams(
    provider: IdentityProvider, client: Client
) -> None:
    provider.log_in(client, "s-1")
    provider.set_user("s-2", preferred_username="bob")
    provider.log_in(bob := Client(), "s-2")
    check()
    assert is_logged_in(client)
    assert stream_access(client)

    provider.disable("s-1")
    check()
    assert not is_logged_in(client)
    assert not stream_access(client)
    assert is_logged_in(bob)


def test_a_provider_that_does_not_respond_ends_nothing(
    provider: IdentityProvider, settings: Settings, client: Client
) -> None:
    provider.log_in(client, "s-1")
    settings.SANSO_OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    check()
    settings.SANSO_OIDC_ISSUER = f"{provider.issuer}/jwks"  # responds, but is not a provider
    check()

    assert is_logged_in(client)
    session = UserSession.objects.get()
    assert session.due_at is not None
    assert session.due_at > timezone.now()
    assert roles() == {("operator", "oidc")}


def test_leaving_the_allowed_groups_ends_the_session(
    provider: IdentityProvider, settings: Settings, client: Client
) -> None:
    settings.SANSO_OIDC_ALLOWED_GROUPS = ["ops"]
    provider.log_in(client, "s-1")
    provider.set_user("s-1", groups=["guests"])
    check()

    assert not is_logged_in(client)


def test_tokens_are_sealed(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    stored = decrypt_values(UserSession.objects.get().tokens)

    assert stored["refresh"]
    assert stored["refresh"] not in UserSession.objects.get().tokens
    assert stored["refresh"] not in str(dict(client.session))


def test_sessions_of_local_users_are_not_checked(user: User) -> None:
    log_in()

    assert not UserSession.objects.of_provider().exists()
