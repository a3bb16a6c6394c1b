"""Passkeys: register them, and verify the responses that browsers sign. No HTTP pages here.

allauth stores them and implements WebAuthn; this adds checks of the exact origin and of user verification,
and errors for any input. https://www.w3.org/TR/webauthn-3/
"""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from portal.login.adapters import passkeys_possible

MAX = 20
"""Maximum number of passkeys of a user."""
MAX_SIZE = 16 * 1024
"""Maximum size of a browser's response in bytes."""
BROKEN = (
    *(ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, AssertionError),
    *(RecursionError, ValidationError, binascii.Error, struct.error),
)
"""Exceptions of the parsers for input that no browser sends."""


class PasskeyRefused(Exception):
    """Raised if a browser's response is not valid; its message is for the log."""


def creation_options(user: User) -> dict[str, Any]:
    """Return the options for the browser to register a passkey; the challenge is in the session.

    The passkey must verify its user (by fingerprint or PIN), and be discoverable without a username.
    """
    return _plain(auth.begin_registration(user, passwordless=True))


def request_options(user: User | None) -> dict[str, Any]:
    """Return the options to log in: with a passkey of this user, or with any in the browser."""
    return _plain(auth.begin_authentication(user))


def register(request: HttpRequest, text: str) -> dict[str, Any]:
    """Return a new passkey from a browser's response. Raise PasskeyRefused if it is not valid."""
    try:
        credential = _parsed(text)
        response = auth.parse_registration_response(credential)
        _check_origin(request, response.response.client_data.origin)
        binding = auth.complete_registration(credential)
        if not binding.is_user_verified():
            raise PasskeyRefused("the user was not verified")
    except BROKEN as exc:
        raise PasskeyRefused(str(exc) or type(exc).__name__) from exc
    return credential


def verify(request: HttpRequest, text: str, user: User | None, *, alone: bool = False) -> Authenticator:
    """Return the passkey that signed a browser's response: of this user, or of the user that it names.

    Without a user, and if it is used `alone`, the passkey is the only factor, and must have verified its
    user. Raise PasskeyRefused otherwise.
    """
    try:
        credential = _parsed(text)
        response = auth.parse_authentication_response(credential)
        _check_origin(request, response.response.client_data.origin)
        owner = user or auth.extract_user_from_response(credential)
        found: Authenticator = auth.complete_authentication(owner, credential)
        if (alone or user is None) and not response.response.authenticator_data.is_user_verified():
            raise PasskeyRefused("the user was not verified")
    except BROKEN as exc:
        raise PasskeyRefused(str(exc) or type(exc).__name__) from exc
    return found


def _check_origin(request: HttpRequest, origin: str) -> None:
    """Compare with this page's origin: WebAuthn itself allows pages of subdomains and other ports."""
    if not passkeys_possible(request) or origin != f"{request.scheme}://{request.get_host()}":
        raise PasskeyRefused("the origin is another one")


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_SIZE:
        raise PasskeyRefused("it is too long")
    found = json.loads(text)
    if not isinstance(found, dict):
        raise PasskeyRefused("it is not an object")
    return found


def _plain(options: Any) -> dict[str, Any]:
    """Return options as JSON values: bytes as base64url."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))
    return plain
