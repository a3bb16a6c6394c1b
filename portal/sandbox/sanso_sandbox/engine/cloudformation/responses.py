"""Responses and errors of CloudFormation's query API: Python values to XML."""

import functools
from collections.abc import Callable
from html import escape
from typing import Any, TypeAlias

from ministack.services.cloudformation import helpers

from sanso_sandbox.engine.cloudformation import service_role

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
Parameters: TypeAlias = dict[str, Any]

PAGE = 100


def xml(value: Any) -> str:
    """Return a value as XML: dictionaries by their keys, lists as member elements, nothing for None."""
    if isinstance(value, dict):
        return "".join(f"<{key}>{xml(part)}</{key}>" for key, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        return "".join(f"<member>{xml(part)}</member>" for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def answer(action: str, result: dict[str, Any] | None = None) -> Answer:
    """Return the response of an action."""
    inner = "" if result is None else f"<{action}Result>{xml(result)}</{action}Result>"
    found: Answer = helpers._xml(200, f"{action}Response", inner)
    return found


def refusal(message: str, code: str = "ValidationError", status: int = 400) -> Answer:
    """Return an error response."""
    found: Answer = helpers._error(code, message, status)
    return found


def value(parameters: Parameters, name: str) -> str:
    """Return a parameter of a request, empty if it is missing."""
    return str(helpers._p(parameters, name))


def truth(parameters: Parameters, name: str) -> bool:
    """Return a boolean parameter of a request, False if it is missing."""
    return value(parameters, name).lower() == "true"


class Refusal(Exception):
    """A rejected request, with AWS's message."""

    def __init__(self, message: str, code: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    def answer(self) -> Answer:
        """Return the error response."""
        return refusal(str(self), self.code, self.status)


class Refused(Exception):
    """One of MiniStack's checks has rejected a request; it contains the response."""

    def __init__(self, ready: Answer) -> None:
        super().__init__()
        self.ready = ready

    def answer(self) -> Answer:
        """Return the error response."""
        return self.ready


def passed(ready: Answer | None) -> None:
    """Raise Refused with the response of one of MiniStack's checks, if it returned one."""
    if ready is not None:
        raise Refused(ready)


def action(handler: Callable[[Parameters], Answer]) -> Callable[[Parameters], Answer]:
    """Return a request handler that returns a Refusal or Refused exception as its response."""

    @functools.wraps(handler)
    def handle(parameters: Parameters) -> Answer:
        role = value(parameters, service_role.KEY)
        service_role.requested.set(role)
        try:
            if role and (untrusted := service_role.distrust(role)):
                raise Refusal(untrusted)
            return handler(parameters)
        except (Refusal, Refused) as refused:
            return refused.answer()

    return handle
