"""Logout tokens, which an OpenID Connect provider sends when a user logs out or is logged out there.

https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from deployments.administration.rules.oidc_providers import OidcProvider
from portal.login.oidc import ALGORITHMS, CLOCK_SKEW, signing_key

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
MAX_AGE: Final = 600
"""Seconds after `iat` until which a token is accepted, even with a later `exp` or without one."""
TYPES: Final = {"", "jwt", "logout+jwt"}


class BadLogoutToken(Exception):
    """Raised for an invalid token; its message is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """The sessions to end: all of a subject, or the session `sid`; and when the token expires."""

    subject: str
    sid: str
    jti: str
    expires_at: datetime


def verified(text: str, about: OidcProvider, jwks_uri: str) -> LogoutToken:
    """Return the verified content of a provider's token. Raise BadLogoutToken."""
    try:
        if str(jwt.get_unverified_header(text).get("typ", "")).lower() not in TYPES:
            raise BadLogoutToken("a token of another type")
        claims: dict[str, Any] = jwt.decode(
            text,
            signing_key(jwks_uri, text),
            algorithms=ALGORITHMS,
            audience=about.client_id,
            issuer=about.issuer,
            leeway=CLOCK_SKEW,
            options={"require": ["iss", "aud", "iat", "jti", "events"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as exc:
        raise BadLogoutToken(str(exc) or type(exc).__name__) from exc
    if "nonce" in claims:
        raise BadLogoutToken("it has a nonce: an ID token is no logout token")
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise BadLogoutToken("it is about no logout")
    subject, sid, jti = (claims.get(name) or "" for name in ("sub", "sid", "jti"))
    if not all(isinstance(one, str) for one in (subject, sid, jti)) or not jti or not (subject or sid):
        raise BadLogoutToken("it names neither a subject nor a session, or has no id")
    latest = claims["iat"] + MAX_AGE
    if latest + CLOCK_SKEW < time.time():
        raise BadLogoutToken("it is too old")
    expires_at = datetime.fromtimestamp(latest + 2 * CLOCK_SKEW, UTC)
    return LogoutToken(subject=subject, sid=sid, jti=jti, expires_at=expires_at)
