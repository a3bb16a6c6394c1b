"""Messages as JSON columns and recordings keep them, also those of the release before codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.core.legacy_messages import LEGACY, RENAMED
from deployments.errors import Message
from deployments.message_codes import Code


def read_message(kept: Mapping[str, Any] | None) -> Message | None:
    """Return the message in {"code", "params", "request_id"}; None for {} and for a code of a newer release.

    Rows of the release before codes hold {"template": sentence, "values": {…}}.
    """
    if not kept:
        return None
    sentence = str(kept.get("template") or "")
    legacy = LEGACY.get(sentence)
    code = legacy or _known(str(kept.get("code") or ""))
    if code is None:
        return None
    params = kept.get("values" if legacy else "params") or {}
    renamed = RENAMED.get(sentence, {})
    values = {renamed.get(str(name), str(name)): str(value) for name, value in params.items()}
    return Message(code, values, str(kept.get("request_id") or ""))


def _known(code: str) -> Code | None:
    try:
        return Code(code)
    except ValueError:
        return None
