"""The texts of message codes in the active language, from codes and values; texts are never stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.rules.plain_reason import plain_reason
from deployments.common.rules.stored_messages import read_message
from deployments.common.texts.message_texts import CAUSES, MESSAGES

__all__ = ["cause_advice", "cause_title", "error_text", "message_text", "stored_text", "zone_text"]
_SECONDS = ("time", "earliest", "latest")
_WITH_SECONDS = (Code.RESTORE_TIME_NOT_POSSIBLE, Code.DATABASE_AT_TIME_REPLACED)
_WITH_REASON = (Code.RESOURCE_FAILED, Code.AWS_REASON, Code.STOPPED_BY_ERROR)


def message_text(message: Message) -> str:
    """Return a message in the active language."""
    values = dict(message.params)
    if constraint := values.get("constraint"):
        is_rule = message.code == Code.RULE_DESCRIPTION
        values["constraint"] = gettext(constraint) if is_rule else _constraint_text(constraint)
    if message.code in (Code.APPROVER_ROLE, Code.ROLE_MISSING):
        values["role"] = gettext(
            str(values["role"]).capitalize()
        )  # in the catalogs, by the choices of grants
    if message.code in _WITH_REASON and (reason := str(values.get("reason", ""))):
        values["reason"] = plain_reason(reason) or reason
    if until := values.get("until"):
        values["until"] = _time_text(until)
    if message.code in _WITH_SECONDS:
        values |= {name: _second_text(str(values[name])) for name in _SECONDS if name in values}
    return _filled(gettext(MESSAGES[message.code]), values)


def _constraint_text(constraint: str) -> str:
    """Return a parameter's ConstraintDescription as a sentence; our own template set's are in the catalogs.

    By CloudFormation's convention it is a part of one: "must be a number".
    """
    own = gettext(constraint)
    return own if own != constraint else own[:1].upper() + own[1:]


def _time_text(iso: str) -> str:
    """Return a stored time in the current zone to the minute: 2026-11-24 23:05 JST."""
    local = timezone.localtime(datetime.fromisoformat(iso))
    return f"{local:%Y-%m-%d %H:%M} {zone_text(local)}"


def _second_text(iso: str) -> str:
    """Return a stored time to the second: 2026-11-24 23:05:10 JST; another text unchanged."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if moment.tzinfo is None:
        return iso
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_text(local)}"


def zone_text(local: datetime) -> str:
    """Return the name of a local time's zone: JST, UTC, or UTC+03 where the zone has no letters."""
    name = local.strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def stored_text(stored: Mapping[str, Any] | None, otherwise: str = "") -> str:
    """Return the text of a JSON column in the active language; `otherwise` if the column is empty.

    A code of a newer version of Sanso, which is unknown here, is returned with its values.
    """
    message = read_message(stored)
    if message is not None:
        return message_text(message)
    if not stored:
        return otherwise
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
