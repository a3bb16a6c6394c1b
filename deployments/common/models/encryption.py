"""Encryption of stored secrets with a key derived from SECRET_KEY; they are deleted after use."""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def _keys() -> list[Fernet]:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sanso sealed parameters").derive(s.encode())
        for s in secrets
    ]
    return [Fernet(base64.urlsafe_b64encode(key)) for key in keys]


def encrypt(text: str) -> str:
    """Return a text as a token for a text column."""
    return MultiFernet(_keys()).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return the text of a token.

    Raise cryptography.fernet.InvalidToken if SECRET_KEY was changed without a fallback.
    """
    return MultiFernet(_keys()).decrypt(token.encode()).decode()


def renewed(token: str) -> str:
    """Return a token under the current SECRET_KEY: the same one, unless only a fallback can decrypt it.

    A token that no key can decrypt is returned unchanged.
    """
    current, *_fallbacks = keys = _keys()
    try:
        current.decrypt(token.encode())
    except InvalidToken:
        try:
            return MultiFernet(keys).rotate(token.encode()).decode()
        except InvalidToken:
            return token
    return token


def is_current(token: str) -> bool:
    """Return whether the current SECRET_KEY, and not a fallback, decrypts a token."""
    try:
        _keys()[0].decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def encrypt_values(values: dict[str, str]) -> str:
    """Return secret parameter values as a token for a text column; "" for no values."""
    return encrypt(json.dumps(values)) if values else ""


def decrypt_values(token: str) -> dict[str, str]:
    """Return the values of a token.

    Raise cryptography.fernet.InvalidToken if SECRET_KEY was changed without a fallback.
    """
    values: dict[str, str] = json.loads(decrypt(token)) if token else {}
    return values


def encrypted_names(token: str) -> list[str]:
    """Return the names of sealed values, for pages; none if no key can decrypt them."""
    try:
        return list(decrypt_values(token))
    except InvalidToken:
        return []
