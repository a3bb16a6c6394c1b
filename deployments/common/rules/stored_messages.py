"""Messages in JSON columns and recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.common.errors import Message
from deployments.common.message_codes import Code


def read_message(stored: Mapping[str, Any] | None) -> Message | None:
    """Return the message in {"code", "params", "request_id"}; None for {} and an unknown code."""
    if not stored:
        return None
    try:
        code = Code(str(stored.get("code") or ""))
    except ValueError:
        return None
    params = stored.get("params") or {}
    values = {str(name): str(value) for name, value in params.items()}
    return Message(code, values, str(stored.get("request_id") or ""))
