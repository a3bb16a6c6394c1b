"""Messages in JSON columns and recordings, including those of the release before codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.core.legacy_messages import LEGACY, RENAMED
from deployments.errors import Message
from deployments.message_codes import Code


def read_message(stored: Mapping[str, Any] | None) -> Message | None:
    """Return the message in {"code", "params", "request_id"}; None for {} and for a code of a newer release.

    Rows of the release before codes have {"template": sentence, "values": {…}}.
    """
    if not stored:
        return None
    sentence = str(stored.get("template") or "")
    legacy = LEGACY.get(sentence)
    code = legacy or _known(str(stored.get("code") or ""))
    if code is None:
        return None
    params = stored.get("values" if legacy else "params") or {}
    renamed = RENAMED.get(sentence, {})
    values = {renamed.get(str(name), str(name)): str(value) for name, value in params.items()}
    return Message(code, values, str(stored.get("request_id") or ""))


def _known(code: str) -> Code | None:
    try:
        return Code(code)
    except ValueError:
        return None
