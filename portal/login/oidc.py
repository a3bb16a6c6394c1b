"""Log in at an OpenID Connect provider: allauth's flow with the checks of an ID token that it leaves out.

allauth compares state and PKCE's verifier. It sends no nonce, accepts any issuer that the provider names, and
does not verify the signature of a token that it fetched itself.
https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

import hashlib
import secrets
import time
from functools import lru_cache
from typing import Any, Final

import jwt
from allauth.socialaccount.internal.statekit import get_states
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from deployments.administration.rules.oidc_providers import FIRST, OidcProvider
from deployments.common.models.encryption import encrypt_values

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Only signatures with a key pair: with others, anybody with the client's secret could sign."""
CLOCK_SKEW: Final = 60
"""Maximum difference of the provider's clock in seconds."""
TIMEOUT: Final = 5
KEPT: Final = 600.0
"""Seconds for which the provider's configuration is cached."""


def uid_of(issuer: str, subject: str) -> str:
    """Return the key of an account: by issuer and subject, never by name or email address.

    Also used for the key of a provider's session: by issuer and session id. The key is a digest because the
    database ignores case, and subjects can differ only by case.
    """
    return hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """The provider's endpoints, and its data about a user."""

    nonce = ""

    def __init__(self, request: HttpRequest, about: OidcProvider) -> None:
        super().__init__(request, about.id)
        self.about = about

    def get_provider(self) -> Provider:
        """Return the provider of the settings."""
        return Provider(self.request, app=configured(self.about))

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return the URL to which the provider redirects the user: each provider has its own.

        https://www.rfc-editor.org/rfc/rfc9700#section-4.4.2.2
        """
        return request.build_absolute_uri(callback_path(self.about))

    @property
    def openid_config(self) -> dict[str, Any]:
        """Return the provider's configuration. Raise OAuth2Error if it is that of another issuer."""
        url = self.get_provider().server_url
        at, found = _kept.get(url, (0.0, {}))
        if not found or time.monotonic() - at > KEPT:
            found = super().openid_config
            _kept[url] = (time.monotonic(), found)
        if found.get("issuer") != self.about.issuer:
            raise OAuth2Error("the provider's configuration names another issuer")
        return found

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> Any:
        """Return the login of the user in the ID token. Raise OAuth2Error if the token is not valid."""
        claims = self._verified(str(kwargs["response"].get("id_token", "")))
        user_info = self._fetch_user_info(token.token)
        about = {**claims, **user_info}
        if about.get("sub") != claims["sub"]:
            raise OAuth2Error("the user info is about another subject")
        tokens = {"access": token.token, "refresh": token.token_secret or "", "subject": claims["sub"]}
        tokens["groups_in_user_info"] = "yes" if self.about.group_claim in user_info else ""
        tokens["provider"] = self.about.id
        sid = str(claims.get("sid") or "")
        tokens["sid_key"] = uid_of(self.about.issuer, sid) if sid else ""
        # A login that waits for its second factor is stored in the session with its tokens.
        token.token, token.token_secret = "", encrypt_values(tokens)
        return self.get_provider().sociallogin_from_response(request, {**about, "iss": claims["iss"]})

    def _verified(self, id_token: str) -> dict[str, Any]:
        try:
            key = signing_key(self.openid_config["jwks_uri"], id_token)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=ALGORITHMS,
                audience=self.about.client_id,
                issuer=self.about.issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["iss", "aud", "sub", "exp", "iat"]},
            )
        except (jwt.PyJWTError, KeyError, ValueError) as exc:
            raise OAuth2Error(f"invalid ID token: {exc}") from exc
        if not self.nonce or not constant_time_compare(str(claims.get("nonce", "")), self.nonce):
            raise OAuth2Error("invalid ID token: another nonce")
        if claims.get("azp", self.about.client_id) != self.about.client_id:
            raise OAuth2Error("invalid ID token: issued to another client")
        return claims


class Provider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """One provider of the settings."""

    oauth2_adapter_class = Adapter
    pkce_enabled_default = True

    def get_oauth2_adapter(self, request: HttpRequest) -> Adapter:
        """Return the adapter."""
        return Adapter(request, self.about)

    @property
    def about(self) -> OidcProvider:
        """Return the provider's settings."""
        about: OidcProvider = self.app.settings["about"]
        return about

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return the key of the account."""
        return uid_of(data["iss"], data["sub"])

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data to store with the account."""
        name = str(data.get("preferred_username") or "") or str(data.get("email") or "").partition("@")[0]
        about = {"issuer": data["iss"], "subject": data["sub"], "username": name}
        return {**about, "groups": self.about.groups_in(data)}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return suggestions for a new user. The email address does not identify users."""
        return {
            "name": data.get("name"),
            "first_name": data.get("given_name"),
            "last_name": data.get("family_name"),
            "contact": data.get("email"),
        }

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Return none: with addresses, allauth would search for other users with them."""
        return []


class CallbackView(OAuth2CallbackView):  # type: ignore[misc]  # allauth has no types
    """The callback from the provider, with the nonce of the state."""

    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple[dict[str, Any] | None, Any]:
        state, response = super()._get_state(request, provider)
        if response is None and (state or {}).get("issuer") != self.adapter.about.issuer:
            raise OAuth2Error("the login began at another provider")
        if request.GET.get("iss", self.adapter.about.issuer) != self.adapter.about.issuer:
            raise OAuth2Error("another provider answers")  # https://www.rfc-editor.org/rfc/rfc9207
        self.adapter.nonce = (state or {}).get("nonce", "")
        return state, response


def callback_path(about: OidcProvider) -> str:
    """Return the path to which a provider sends users back."""
    return reverse("oidc_callback") if about.id == FIRST else reverse("oidc_callback_at", args=[about.id])


def login_path(about: OidcProvider) -> str:
    """Return the path at which a login at a provider begins."""
    return reverse("oidc_login") if about.id == FIRST else reverse("oidc_login_at", args=[about.id])


def configured(about: OidcProvider) -> SocialApp:
    """Return a provider of the settings in allauth's form. It is not stored."""
    return SocialApp(
        provider="openid_connect",
        provider_id=about.id,
        name=about.name,
        client_id=about.client_id,
        secret=about.client_secret,
        settings={"server_url": about.issuer, "scope": list(about.scopes), "about": about},
    )


def redirect_to_provider(request: HttpRequest, about: OidcProvider, next_url: str) -> HttpResponse:
    """Return the redirect to the provider. Its state, nonce and verifier are in the session."""
    nonce = secrets.token_urlsafe(24)
    provider = Provider(request, app=configured(about))
    response: HttpResponse = provider.redirect(
        request, "login", next_url, auth_params={"nonce": nonce}, nonce=nonce, issuer=about.issuer
    )
    return response


def jwks_uri(request: HttpRequest, about: OidcProvider) -> str:
    """Return the URL of a provider's keys. Raise OAuth2Error, RequestException or ValueError."""
    try:
        return str(Adapter(request, about).openid_config["jwks_uri"])
    except KeyError as exc:
        raise OAuth2Error("the provider's configuration names no keys") from exc


def has_begun(request: HttpRequest) -> bool:
    """Return whether this browser has begun the login whose response this is; others cannot succeed."""
    return request.GET.get("state", "") in get_states(request)


def finish(request: HttpRequest, about: OidcProvider) -> HttpResponse:
    """Log in with the provider's response."""
    response: HttpResponse = CallbackView.adapter_view(Adapter(request, about))(request)
    return response


_kept: dict[str, tuple[float, dict[str, Any]]] = {}


def signing_key(url: str, token: str) -> jwt.PyJWK:
    """Return the provider's key that a token names; if the provider has only one key, that one.

    Raise jwt.PyJWTError if there is none.
    """
    keys = _keys(url)
    if jwt.get_unverified_header(token).get("kid"):
        return keys.get_signing_key_from_jwt(token)
    found = keys.get_signing_keys()
    if len(found) != 1:
        raise jwt.PyJWTError("the token names no key, and the provider has several")
    return found[0]


@lru_cache(maxsize=4)
def _keys(url: str) -> jwt.PyJWKClient:
    """Return the provider's keys, fetched again when a token names an unknown one."""
    return jwt.PyJWKClient(url, timeout=TIMEOUT)
