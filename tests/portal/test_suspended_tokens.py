"""API tokens of users whom the identity provider refuses or who were deactivated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import ServiceAccount
from deployments.access.models.tokens import ApiToken
from deployments.administration.commands import tokens
from deployments.administration.models.sessions import UserSession
from deployments.administration.shared import sessions
from deployments.common.models import leases
from deployments.live import access
from portal.login import oidc
from tests.builders import make_user
from tests.pages.pages import rows
from tests.portal.identity_provider import IdentityProvider, start_provider
from tests.services import Redis, free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    server = start_provider(tmp_path_factory.mktemp("provider"))
    yield server
    server.stop()


@pytest.fixture
def provider(
    server: IdentityProvider,
    settings: Settings,
    db: None,
    redis_server: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> IdentityProvider:
    monkeypatch.setattr(oidc, "_kept", {})
    settings.SANSO_OIDC_ISSUER = server.issuer
    settings.SANSO_OIDC_CLIENT_ID, settings.SANSO_OIDC_CLIENT_SECRET = "sanso", "a secret"
    server.set_user("s-1", preferred_username="ana")
    return server


def check() -> None:
    """Check all accounts now, as dispatcher and worker do."""
    UserSession.objects.of_provider().update(due_at=timezone.now())
    rows = UserSession.objects.of_provider()
    for pk, version in list(leases.claim_due(rows, timezone.now(), timedelta(seconds=30))):
        sessions.run_check(pk, version)


def new_token(owner: User | None = None) -> str:
    return tokens.create_token(user=owner or User.objects.get(), name="CI", scopes=[], lifetime_days=30)[1]


def works(token: str) -> bool:
    status = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code
    assert status in (200, 401)
    return status == 200


def streams() -> bool:
    """Return whether the event streams of the tokens continue at the next heartbeat."""
    return bool(
        access.of_viewers([access.key_of_token(pk) for pk in ApiToken.objects.values_list("pk", flat=True)])
    )


def test_tokens_stop_when_the_provider_refuses_the_owner(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    token = new_token()
    check()
    assert works(token)
    assert streams()

    provider.disable("s-1")
    check()
    assert not works(token)
    assert not streams()
    record = AuditRecord.objects.get(action="suspend_tokens")
    assert record.name == "ana"

    provider.log_in(client, "s-1")
    assert works(token)


def test_the_page_says_that_a_token_is_suspended(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    new_token()
    ApiToken.objects.suspend(User.objects.get().pk, timezone.now())

    assert "Suspended" in rows(client.get(reverse("tokens")))[0]


def test_the_account_is_checked_also_after_its_session_has_ended(
    provider: IdentityProvider, client: Client
) -> None:
    provider.log_in(client, "s-1")
    token = new_token()
    client.post(reverse("logout"))
    check()
    assert works(token)
    assert UserSession.objects.count() == 1

    provider.disable("s-1")
    check()
    assert not works(token)
    assert not UserSession.objects.exists()


def test_without_tokens_an_ended_session_is_no_longer_checked(
    provider: IdentityProvider, client: Client
) -> None:
    provider.log_in(client, "s-1")
    client.post(reverse("logout"))
    check()

    assert not UserSession.objects.exists()


def test_of_several_ended_sessions_one_is_checked(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    new_token()
    provider.log_in(other := Client(), "s-1")
    newest = UserSession.objects.order_by("-pk")[0]
    client.post(reverse("logout"))
    other.post(reverse("logout"))
    check()

    assert list(UserSession.objects.all()) == [newest]


def test_a_logout_of_one_session_at_the_provider_leaves_tokens_of_an_account_with_others(
    provider: IdentityProvider, client: Client
) -> None:
    provider.log_in(client, "s-1")
    token = new_token()
    provider.disable("s-1")  # the tokens of the first session
    provider.log_in(Client(), "s-1")
    check()

    assert client.get("/environments/").status_code == 302
    assert works(token)


def test_a_provider_that_does_not_respond_stops_no_token(
    provider: IdentityProvider, client: Client, settings: Settings
) -> None:
    provider.log_in(client, "s-1")
    token = new_token()
    settings.SANSO_OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    check()

    assert works(token)


def test_tokens_of_others_and_of_service_accounts_go_on(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(client, "s-1")
    service = ServiceAccount.objects.create(user=make_user("ci"), created_by=User.objects.get(username="ana"))
    others = [new_token(service.user), new_token(make_user("bob"))]
    provider.disable("s-1")
    check()

    assert all(map(works, others))


def test_tokens_of_a_deactivated_person_stop(db: None) -> None:
    token = new_token(make_user("ana"))
    assert works(token)
    User.objects.update(is_active=False)

    assert not works(token)
    assert not streams()
