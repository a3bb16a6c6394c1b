"""Parses requests to the control API: their queries and JSON objects, with limits."""

import json
import math
import re
from typing import Any, Final
from urllib.parse import parse_qs

from sanso_sandbox.server.fault_middleware import Receive, Scope

Payload = dict[str, Any]
MAX_BYTES: Final = 1_000_000
MAX_FIELDS: Final = 100
MAX_NUMBER: Final = 10**15


class InvalidControlRequest(Exception):
    """A request to the control API is invalid; the message is the reason."""


def query_of(scope: Scope) -> Payload:
    """Return the last value of each query field. Raises InvalidControlRequest if there are too many."""
    text = scope["query_string"].decode("latin-1")
    try:
        return {name: found[-1] for name, found in parse_qs(text, max_num_fields=MAX_FIELDS).items()}
    except ValueError as wrong:
        raise InvalidControlRequest(f"a query has at most {MAX_FIELDS} fields") from wrong


def account_of(query: Payload) -> str | None:
    """Return the account in a query, None without one. Raises InvalidControlRequest if it is invalid."""
    account: str | None = query.get("account")
    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        raise InvalidControlRequest("an account is twelve digits")
    return account


def required(account: str | None) -> str:
    """Return the account of a request that requires one. Raises InvalidControlRequest without one."""
    if account is None:
        raise InvalidControlRequest("this is for one account: ?account=, twelve digits")
    return account


def external_id_of(payload: Payload) -> str:
    """Return the portal's external id for an account. Raises InvalidControlRequest if it is invalid."""
    external_id = payload.get("external_id", "")
    if not isinstance(external_id, str) or not re.fullmatch(r"[A-Za-z0-9]{22,64}", external_id):
        raise InvalidControlRequest(
            "a portal's key is issued with the account's external_id: 22 to 64 letters and digits"
        )
    return external_id


def since_of(query: Payload) -> int:
    """Return the number of the last known call, 0 without one. Raises InvalidControlRequest."""
    text = query.get("since", "0")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise InvalidControlRequest("since is the number of a call: digits, 15 at most")
    return int(text)


async def read_json(receive: Receive) -> Payload:
    """Return the JSON object of a request, an empty one without a body.

    Raises InvalidControlRequest for anything else, and for numbers that JSON does not support: Python parses
    NaN, Infinity and 1e999, which later code does not expect.
    """
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise InvalidControlRequest(f"a request carries {MAX_BYTES:,} bytes at most")
        if not message.get("more_body"):
            break
    try:
        payload = json.loads(
            body or b"{}", parse_constant=_number, parse_float=_number, parse_int=_whole_number
        )
    except RecursionError as wrong:
        raise InvalidControlRequest("a request carries a JSON object that is nested less deeply") from wrong
    except ValueError as wrong:
        raise InvalidControlRequest(f"a request carries a JSON object: {wrong}") from wrong
    if not isinstance(payload, dict):
        raise InvalidControlRequest("a request carries a JSON object")
    return payload


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidControlRequest(f"{text[:20]} is not a finite number")
    return number


def _whole_number(text: str) -> int:
    if len(text) > len(str(MAX_NUMBER)):
        raise InvalidControlRequest(f"{text[:20]}… is greater than {MAX_NUMBER}")
    return int(text)
