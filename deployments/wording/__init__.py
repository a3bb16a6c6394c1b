"""The texts of message codes in the active language, from codes and values; texts are never stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from deployments.core.stored_messages import read_message
from deployments.errors import Message, UserFixable
from deployments.message_codes import Code
from deployments.wording.causes import CAUSES
from deployments.wording.messages import MESSAGES

__all__ = ["cause_advice", "cause_title", "error_text", "message_text", "stored_text"]


def message_text(message: Message) -> str:
    """Return a message in the active language."""
    values = dict(message.params)
    if message.code in (Code.PARAMETER_CONSTRAINT, Code.RULE_DESCRIPTION):
        constraint = values["constraint"]
        return gettext(constraint)  # our own template set's constraints are in the catalogs
    return _filled(gettext(MESSAGES[message.code]), values)


def stored_text(stored: Mapping[str, Any] | None, otherwise: str = "") -> str:
    """Return the text of a JSON column in the active language; `otherwise` if the column is empty.

    A code of a newer release, which is unknown here, is returned with its values.
    """
    message = read_message(stored)
    if message is not None:
        return message_text(message)
    if not stored:
        return otherwise
    if template := str(stored.get("template") or ""):  # of the release before, and not in its list
        return _filled(gettext(template), stored.get("values") or {})
    if code := str(stored.get("code") or ""):
        params = stored.get("params")
        values = params.items() if isinstance(params, Mapping) else ()
        return " ".join([code, *(f"{name}={value}" for name, value in values)])
    return otherwise


def error_text(error: UserFixable) -> str:
    """Return the text of an error in the active language."""
    return message_text(error.message)


def cause_title(code: str, values: Mapping[str, str]) -> str:
    """Return the title of a known cause in the active language."""
    return _filled(gettext(CAUSES[code].title), values)


def cause_advice(code: str, values: Mapping[str, str]) -> str:
    """Return the advice for a known cause in the active language."""
    return _filled(gettext(CAUSES[code].advice), values)


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Return the text with its values; if a value is missing, return it without values."""
    if not values:
        return text
    try:
        return text % values
    except (KeyError, TypeError, ValueError):
        return text
