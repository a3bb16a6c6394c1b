"""What an OpenID Connect provider reports about an account that has logged in: calls of the worker, no
Django. Only a clear refusal ends a session, not a provider that does not respond.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

TIMEOUT: Final = 5
REFUSALS: Final = {"invalid_grant", "invalid_token", "access_denied"}
"""Errors that are about the account or its token, not about the portal or the provider.

https://www.rfc-editor.org/rfc/rfc6749#section-5.2, https://www.rfc-editor.org/rfc/rfc6750#section-3.1
"""


class AccountRefused(Exception):
    """Raised when the provider no longer accepts the account's tokens: it was disabled, or logged out."""


class ProviderUnavailable(Exception):
    """Raised when the provider does not report anything about the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The portal, as the provider knows it."""

    issuer: str
    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one session. `refresh` is empty if the provider issues none."""

    access: str
    refresh: str = ""


def check(client: Client, tokens: Tokens) -> tuple[Tokens, dict[str, Any]]:
    """Return the session's new tokens and the account's claims. A refresh token is used, if there is one.

    Raise AccountRefused, or ProviderUnavailable.
    """
    try:
        found = _json(requests.get(f"{client.issuer}/.well-known/openid-configuration", timeout=TIMEOUT))
        if tokens.refresh:
            tokens = _refreshed(client, found, tokens)
        headers = {"Authorization": f"Bearer {tokens.access}"}
        return tokens, _json(requests.get(found["userinfo_endpoint"], headers=headers, timeout=TIMEOUT))
    except (requests.RequestException, ValueError, KeyError, TypeError) as exc:
        raise ProviderUnavailable(type(exc).__name__) from exc


def _refreshed(client: Client, found: Mapping[str, Any], tokens: Tokens) -> Tokens:
    data = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
    auth = None
    if "client_secret_post" in found.get("token_endpoint_auth_methods_supported", []):
        data |= {"client_id": client.client_id, "client_secret": client.client_secret}
    else:  # the default, https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
        auth = (client.client_id, client.client_secret)
    answer = _json(requests.post(found["token_endpoint"], data=data, auth=auth, timeout=TIMEOUT))
    return Tokens(access=answer["access_token"], refresh=answer.get("refresh_token") or tokens.refresh)


def _json(response: requests.Response) -> dict[str, Any]:
    """Return a successful answer. Raise AccountRefused or ProviderUnavailable for others."""
    if response.ok:
        found: dict[str, Any] = response.json()
        return found
    try:
        error = str(response.json().get("error", ""))
    except (ValueError, AttributeError):
        error = ""
    with_token = "Authorization" in response.request.headers and "refresh" not in str(response.request.body)
    if error in REFUSALS or (response.status_code in (401, 403) and with_token):
        raise AccountRefused(error or str(response.status_code))
    raise ProviderUnavailable(f"{response.status_code} {error}"[:100])
