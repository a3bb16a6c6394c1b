"""Login at an OpenID Connect provider: account matching, and responses that are refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.administration.shared.oidc_providers import all_providers
from portal.login import limits, oidc
from tests.builders import make_user
from tests.limits import stop_clock
from tests.pages.pages import page
from tests.portal.identity_provider import IdentityProvider, start_provider
from tests.services import Redis, free_port

LOGIN, CALLBACK = reverse("oidc_login"), reverse("oidc_callback")


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
    settings.SANSO_OIDC_NAME = "Example Corp"
    server.set_user("s-1", preferred_username="ana", email="ana@example.com", name="Ana", groups=["ops"])
    return server


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "_kept", {})


def is_logged_in(client: Client) -> bool:
    return client.get("/environments/").status_code == 200


def texts(client: Client) -> str:
    """Return the text of the login page."""
    return page(client.get(reverse("login"))).one("main").text


def test_without_a_provider_there_is_no_link_and_no_way(client: Client, db: None) -> None:
    assert "Log in with SSO" not in texts(client)
    assert client.get(LOGIN).status_code == client.get(CALLBACK).status_code == 404


def test_the_first_login_creates_a_user_without_a_password(
    provider: IdentityProvider, client: Client
) -> None:
    shown = page(client.get(f"{reverse('login')}?next=/deployments/"))
    link = next(a for a in shown.all("a") if a.text == "Log in with Example Corp")
    begun = client.get(link["href"])
    sent = parse_qs(urlsplit(begun["Location"]).query)
    assert sent["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= sent.keys()

    back = client.get(provider.authorize(begun["Location"], "s-1"))

    assert back["Location"] == "/deployments/"
    user = User.objects.get()
    assert (user.username, user.email, user.has_usable_password()) == ("ana", "ana@example.com", False)
    assert not user.is_staff
    assert f"device-{user.pk}" in client.cookies
    security = page(client.get(reverse("account_security"))).one("main").text
    assert "identity provider manages how you log in" in security


def test_an_account_is_recognized_by_its_subject_whatever_its_names(provider: IdentityProvider) -> None:
    provider.log_in(Client(), "s-1")
    provider.set_user("s-1", preferred_username="other", email="other@example.com")
    assert provider.log_in(Client(), "s-1")["Location"] == "/"
    assert User.objects.get().username == "ana"
    provider.set_user("S-1", preferred_username="ana")  # subjects are case-sensitive
    provider.log_in(Client(), "S-1")
    assert set(User.objects.values_list("username", flat=True)) == {"ana", "ana-2"}


def test_a_user_of_the_same_name_or_address_is_not_taken_over(
    provider: IdentityProvider, client: Client
) -> None:
    local = make_user("ana", email="ana@example.com")
    provider.log_in(client, "s-1")

    shown = page(client.get("/environments/"))
    assert "A user named ana existed already" in shown.text
    assert SocialAccount.objects.get(user__username="ana-2").extra_data["subject"] == "s-1"
    local.refresh_from_db()
    assert local.has_usable_password()
    assert not SocialAccount.objects.filter(user=local).exists()


def test_an_administrator_assigns_an_account_to_a_user(provider: IdentityProvider, client: Client) -> None:
    local = make_user("ana")
    provider.log_in(client, "s-1")
    account = SocialAccount.objects.get()
    admin = Client()
    admin.force_login(make_user("root", is_staff=True, is_superuser=True))
    url = reverse("admin:socialaccount_socialaccount_change", args=[account.pk])
    assert "s-1" in admin.get(url).text
    assert admin.post(url, {"user": local.pk}).status_code == 302

    provider.log_in(other := Client(), "s-1")
    assert other.session["_auth_user_id"] == str(local.pk)


def test_another_issuer_has_other_accounts(
    provider: IdentityProvider, settings: Settings, client: Client
) -> None:
    provider.log_in(Client(), "s-1")
    settings.SANSO_OIDC_ISSUER = provider.issuer.replace("127.0.0.1", "localhost")
    provider.log_in(client, "s-1")

    assert User.objects.count() == 2


def refused(client: Client, response: Any) -> bool:
    return (
        response["Location"] == reverse("login")
        and "The login at Example Corp failed" in texts(client)
        and not is_logged_in(client)
        and not SocialAccount.objects.exists()
    )


def test_a_token_with_another_nonce_is_refused(provider: IdentityProvider, client: Client) -> None:
    url = client.get(LOGIN)["Location"].replace("&nonce=", "&nonce=x")

    assert refused(client, client.get(provider.authorize(url, "s-1")))


def test_a_wrong_state_or_another_session_is_refused(provider: IdentityProvider, client: Client) -> None:
    back = provider.authorize(client.get(LOGIN)["Location"], "s-1")

    assert refused(client, client.get(back.replace("state=", "state=x")))
    stranger = Client()
    assert refused(stranger, stranger.get(back))
    assert client.get(back)["Location"] == "/"
    client.post(reverse("logout"))
    client.get(back)  # again
    assert not is_logged_in(client)


def test_a_token_of_another_issuer_is_refused(
    provider: IdentityProvider, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SANSO_OIDC_ISSUER = named = provider.issuer.replace("127.0.0.1", "localhost")
    paths = {"authorization_endpoint": "/oauth2/authorize", "token_endpoint": "/oauth2/token"}
    paths |= {"userinfo_endpoint": "/userinfo", "jwks_uri": "/jwks"}
    elsewhere = {name: provider.issuer + path for name, path in paths.items()} | {"issuer": named}
    url = f"{named}/.well-known/openid-configuration"
    monkeypatch.setattr(oidc, "_kept", {url: (time.monotonic(), elsewhere)})

    assert refused(client, provider.log_in(client, "s-1"))


def test_a_configuration_of_another_issuer_is_refused(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{provider.issuer}/.well-known/openid-configuration"
    found = {"issuer": "https://other.example.com"}
    monkeypatch.setattr(oidc, "_kept", {url: (time.monotonic(), found)})

    assert client.get(LOGIN)["Location"] == reverse("login")
    assert "Example Corp does not respond" in texts(client)


def test_a_token_for_another_client_is_refused(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_settings = oidc.configured(all_providers()[0])
    of_settings.client_id = "another"
    monkeypatch.setattr(oidc, "configured", lambda about: of_settings)

    assert refused(client, provider.log_in(client, "s-1"))


def test_a_token_with_another_signature_is_refused(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = rsa.generate_private_key(65537, 2048).public_key()
    monkeypatch.setattr(oidc, "signing_key", lambda url, token: foreign)

    assert refused(client, provider.log_in(client, "s-1"))


def test_a_token_without_a_signature_is_refused(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get(LOGIN)
    adapter = oidc.Adapter(HttpRequest(), all_providers()[0])
    claims = {"iss": provider.issuer, "aud": "sanso", "sub": "s-1", "exp": 9e9, "iat": 1, "nonce": "n"}
    unsigned = jwt.encode(claims, "", algorithm="none")
    by_secret = jwt.encode(claims, "a secret" * 8, algorithm="HS256")
    adapter.nonce = "n"

    for token in (unsigned, by_secret, "", "x.y.z"):
        with pytest.raises(OAuth2Error):
            adapter._verified(token)


def test_only_members_of_allowed_groups_may_log_in(
    provider: IdentityProvider, settings: Settings, client: Client
) -> None:
    settings.SANSO_OIDC_ALLOWED_GROUPS = ["sre", "ops"]
    provider.set_user("s-2", preferred_username="bob", groups="guests")

    assert provider.log_in(client, "s-2")["Location"] == reverse("login")
    assert "it is in none of the allowed groups" in texts(client)
    assert not User.objects.exists()
    assert provider.log_in(client, "s-1")["Location"] == "/"


def test_a_canceled_login_returns_to_the_login_page(provider: IdentityProvider, client: Client) -> None:
    state = parse_qs(urlsplit(client.get(LOGIN)["Location"]).query)["state"][0]

    assert refused(client, client.get(CALLBACK, {"error": "access_denied", "state": state}))


def test_a_provider_that_does_not_respond_leaves_the_password(
    provider: IdentityProvider, settings: Settings, client: Client
) -> None:
    settings.SANSO_OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    make_user("local")

    assert client.get(LOGIN)["Location"] == reverse("login")
    assert "Example Corp does not respond" in texts(client)
    form = {"username": "local", "password": "a long password"}
    assert client.post(reverse("login"), form)["Location"] == "/"


def test_a_deactivated_user_cannot_log_in(provider: IdentityProvider, client: Client) -> None:
    provider.log_in(Client(), "s-1")
    User.objects.update(is_active=False)

    assert provider.log_in(client, "s-1")["Location"] == reverse("login")
    assert "This account is deactivated" in texts(client)
    assert not is_logged_in(client)


def test_another_site_cannot_begin_a_login(provider: IdentityProvider, client: Client) -> None:
    response = client.get(LOGIN, headers={"Sec-Fetch-Site": "cross-site"})

    assert response["Location"] == reverse("login")


def test_answers_to_begun_logins_are_limited_by_address(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [(one, client_state(one)) for one in (Client(), Client(), client)]
    stop_clock(monkeypatch)
    monkeypatch.setattr(limits, "ADDRESS_BURST", 2)
    for one, state in begun:
        one.get(CALLBACK, {"code": "guess", "state": state})

    assert "Too many failed attempts" in texts(client)
    form = {"username": "eve", "password": "x"}
    assert Client().post(reverse("login"), form).status_code != 429  # counted separately


def test_answers_that_another_site_sends_do_not_count(
    provider: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch)
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}
    for headers in (image, {}):
        for _ in range(limits.ADDRESS_BURST):
            client.get(CALLBACK, {"code": "guess", "state": "guess"}, headers=headers)

    provider.log_in(client, "s-1")
    assert is_logged_in(client)


def client_state(client: Client) -> str:
    """Begin a login, and return the state that its answer must have."""
    begun = client.get(LOGIN)["Location"]
    return parse_qs(urlsplit(begun).query)["state"][0]


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example"])
def test_after_the_login_only_pages_of_the_portal_follow(
    provider: IdentityProvider, client: Client, url: str
) -> None:
    assert provider.log_in(client, "s-1", next=url)["Location"] == "/"
