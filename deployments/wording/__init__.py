"""The words of message codes in the active language: codes and values in, text out; never stored."""

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
    if message.code is Code.PARAMETER_CONSTRAINT:
        constraint = values["constraint"]
        return gettext(constraint)  # our own template set's constraints are in the catalogs
    return _filled(gettext(MESSAGES[message.code]), values)


def stored_text(kept: Mapping[str, Any] | None, otherwise: str = "") -> str:
    """Return what a JSON column keeps in the active language; `otherwise` when it keeps nothing.

    A code of a newer release, which this one does not know, is shown as it is, with its values.
    """
    message = read_message(kept)
    if message is not None:
        return message_text(message)
    if not kept:
        return otherwise
    if template := str(kept.get("template") or ""):  # of the release before, and not in its list
        return _filled(gettext(template), kept.get("values") or {})
    if code := str(kept.get("code") or ""):
        return " ".join([code, *(f"{name}={value}" for name, value in (kept.get("params") or {}).items())])
    return otherwise


def error_text(error: UserFixable) -> str:
    """Return what an error says in the active language."""
    return message_text(error.message)


def cause_title(code: str, values: Mapping[str, str]) -> str:
    """Return the title of a known cause in the active language."""
    return _filled(gettext(CAUSES[code].title), values)


def cause_advice(code: str, values: Mapping[str, str]) -> str:
    """Return what to do about a known cause, in the active language."""
    return _filled(gettext(CAUSES[code].advice), values)


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Fill the places of a text; one that lacks a value is shown unfilled rather than not at all."""
    if not values:
        return text
    try:
        return text % values
    except (KeyError, TypeError, ValueError):
        return text
