"""Signatures of Sanso's outgoing webhooks, by Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

PREFIX = "whsec_"
BYTES = 32
"""The specification allows 24 to 64."""


def new_secret() -> str:
    """Return a new secret in the form that receivers enter."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


ROTATION = timedelta(hours=24)
"""How long messages are also signed with the previous secret after a new one was created."""


def rotated(keys: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets after a rotation: a new one and the previous one."""
    return {"now": new_secret(), "before": keys["now"]}


def valid_secrets(keys: Mapping[str, str], now: datetime, before_until: datetime | None) -> list[str]:
    """Return the secrets that messages are signed with: the previous one only until a time."""
    is_rotating = before_until is not None and now < before_until
    return [keys["now"], *([keys["before"]] if is_rotating and "before" in keys else [])]


def signed_headers(message_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers of a webhook: its id, the time of this attempt, and a signature with each secret.

    The receiver accepts the webhook if it has one of the secrets, so that one can replace another.
    """
    seconds = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), seconds.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(key, content)}" for key in keys),
    }


def _signature(key: str, content: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
