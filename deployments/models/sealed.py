"""Secret parameter values at rest: encrypted with a key made from SECRET_KEY, gone once they were used."""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def _box() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = [
        HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sanso sealed parameters").derive(s.encode())
        for s in secrets
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def seal(values: dict[str, str]) -> str:
    """Return the values as a token for a text column; "" for no values."""
    return _box().encrypt(json.dumps(values).encode()).decode() if values else ""


def unseal(token: str) -> dict[str, str]:
    """Return the values of a token.

    Raises cryptography.fernet.InvalidToken when SECRET_KEY was changed without a fallback.
    """
    opened: dict[str, str] = json.loads(_box().decrypt(token.encode())) if token else {}
    return opened
