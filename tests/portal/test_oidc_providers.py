"""Several OpenID Connect providers: their file, one button each, and separate accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.access.models.grants import Grant
from deployments.administration.models.sessions import UserSession
from deployments.administration.rules.oidc_providers import BadProviders, OidcProvider, parse
from deployments.common.models.encryption import decrypt_values
from portal import oidc_file
from portal.login import oidc
from tests.pages.pages import page
from tests.portal.identity_provider import IdentityProvider, start_provider
from tests.portal.test_suspended_tokens import check
from tests.services import Redis

PARTNER = """
[partner]
name = "Partner"
issuer = "https://id.partner.example"
client_id = "sanso"
client_secret = "a secret"
groups = ["guests=viewer"]
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[IdentityProvider, IdentityProvider]]:
    first, second = (start_provider(tmp_path_factory.mktemp(name)) for name in ("first", "second"))
    yield first, second
    first.stop()
    second.stop()


@pytest.fixture
def both(
    servers: tuple[IdentityProvider, IdentityProvider],
    settings: Settings,
    db: None,
    redis_server: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[IdentityProvider, IdentityProvider]:
    first, second = servers
    monkeypatch.setattr(oidc, "_kept", {})
    settings.SANSO_OIDC_ISSUER, settings.SANSO_OIDC_NAME = first.issuer, "Example Corp"
    settings.SANSO_OIDC_CLIENT_ID, settings.SANSO_OIDC_CLIENT_SECRET = "sanso", "a secret"
    settings.SANSO_OIDC_GROUPS = ["ops=operator"]
    partner = OidcProvider(
        id="partner",
        name="Partner",
        issuer=second.issuer,
        client_id="sanso",
        client_secret="a secret",
        groups=("ops=viewer", "guests=deployer"),
    )
    settings.SANSO_OIDC_MORE = (partner,)
    for server in servers:
        server.set_user("s-1", preferred_username="ana", groups=["ops"])
    return servers


def begin(client: Client, name: str = "oidc_login_at") -> str:
    path = reverse(name, args=["partner"] if name.endswith("_at") else [])
    return str(client.get(path)["Location"])


def roles(user: User) -> set[str]:
    return set(Grant.objects.filter(user=user, source="oidc").values_list("role", flat=True))


def test_each_provider_has_a_button(both: object, client: Client) -> None:
    links = {a.text: a["href"] for a in page(client.get(reverse("login"))).all("a")}

    assert links["Log in with Example Corp"].startswith("/login/oidc/?")
    assert links["Log in with Partner"].startswith("/login/oidc/partner/?")
    assert client.get("/login/oidc/unknown/").status_code == 404


def test_the_same_subject_of_two_providers_is_two_people(
    both: tuple[IdentityProvider, IdentityProvider],
) -> None:
    first, second = both
    first.log_in(Client(), "s-1")
    begun = begin(client := Client())
    assert parse_qs(urlsplit(begun).query)["redirect_uri"] == [
        "http://testserver/login/oidc/partner/callback/"
    ]
    assert client.get(second.authorize(begun, "s-1"))["Location"] == "/"

    ana, other = User.objects.order_by("pk")
    assert (ana.username, other.username) == ("ana", "ana-2")
    assert (roles(ana), roles(other)) == ({"operator"}, {"viewer"})
    assert decrypt_values(UserSession.objects.get(user=other).tokens)["provider"] == "partner"
    check()
    assert UserSession.objects.count() == 2
    second.disable("s-1")
    check()
    assert list(UserSession.objects.values_list("user__username", flat=True)) == ["ana"]


def test_an_answer_of_one_provider_is_refused_at_the_callback_of_another(
    both: tuple[IdentityProvider, IdentityProvider], client: Client
) -> None:
    first, second = both
    at_partner = second.authorize(begin(client), "s-1")
    query = urlsplit(at_partner).query
    response = client.get(f"{reverse('oidc_callback')}?{query}")
    assert response["Location"] == reverse("login")

    at_first = urlsplit(first.authorize(begin(client, "oidc_login"), "s-1")).query
    client.get(f"{reverse('oidc_callback_at', args=['partner'])}?{at_first}")
    mixed = second.authorize(begin(client), "s-1")
    client.get(f"{mixed}&iss={first.issuer}")
    assert not User.objects.exists()
    assert client.get("/environments/").status_code == 302


def test_a_user_with_accounts_at_two_providers_has_what_both_give(
    both: tuple[IdentityProvider, IdentityProvider],
) -> None:
    first, second = both
    first.log_in(Client(), "s-1")
    ana = User.objects.get()
    client = Client()
    client.get(second.authorize(begin(client), "s-1"))
    SocialAccount.objects.filter(provider="partner").update(user=ana)
    UserSession.objects.filter(user__username="ana-2").update(user=ana)
    first.log_in(Client(), "s-1")
    assert roles(ana) == {"operator", "viewer"}

    second.disable("s-1")
    check()
    assert roles(ana) == {"operator"}


def test_the_file_describes_providers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    path = tmp_path / "providers.toml"
    secret = f'client_secret_file = "{tmp_path}/secret"'
    path.write_text(PARTNER.replace('client_secret = "a secret"', secret))
    (found,) = oidc_file.read(str(path), first_issuer="https://other.example")

    assert (found.id, found.name, found.client_secret) == ("partner", "Partner", "from a file")
    assert found.scopes == ("openid", "profile", "email")
    assert found.groups == ("guests=viewer",)
    with pytest.raises(BadProviders, match="two providers have the issuer"):
        oidc_file.read(str(path), first_issuer="https://id.partner.example")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[partner", "not TOML"),
        ("partner = 1", "not a table"),
        ("[Partner]", "lower-case"),
        ("[callback]", "lower-case"),
        ('[partner]\nissuer = "x"', "client_id is missing"),
        (PARTNER + "admin = true", "unknown key admin"),
        (PARTNER + 'scopes = "openid"', "scopes is not a list of texts"),
        (PARTNER.replace("guests=viewer", "guests=boss"), "guests=boss"),
    ],
)
def test_a_wrong_file_says_where(text: str, reason: str) -> None:
    with pytest.raises(BadProviders, match=reason) as refused:
        parse(text)
    assert "a secret" not in str(refused.value)
