"""Responses and errors of CloudFormation's query API: Python values as XML."""

import functools
from collections.abc import Callable
from html import escape
from typing import Any, TypeAlias

from ministack.services.cloudformation import helpers

from portal.sandbox.engine.cloudformation import service_role

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
Parameters: TypeAlias = dict[str, Any]

PAGE = 100


def xml(value: Any) -> str:
    """Return a value as XML: dictionaries by their keys, lists as member elements; None is left out."""
    if isinstance(value, dict):
        return "".join(f"<{key}>{xml(part)}</{key}>" for key, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        return "".join(f"<member>{xml(part)}</member>" for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def answer(action: str, result: dict[str, Any] | None = None) -> Answer:
    """Answer an action with its result."""
    inner = "" if result is None else f"<{action}Result>{xml(result)}</{action}Result>"
    found: Answer = helpers._xml(200, f"{action}Response", inner)
    return found


def refusal(message: str, code: str = "ValidationError", status: int = 400) -> Answer:
    """Answer that a request is refused."""
    found: Answer = helpers._error(code, message, status)
    return found


def value(parameters: Parameters, name: str) -> str:
    """Read one parameter of a request; empty when it is not there."""
    return str(helpers._p(parameters, name))


def truth(parameters: Parameters, name: str) -> bool:
    """Read a boolean parameter of a request; False when it is not there."""
    return value(parameters, name).lower() == "true"


class Refusal(Exception):
    """A request is refused, with AWS's message."""

    def __init__(self, message: str, code: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status

    def answer(self) -> Answer:
        """Return the refusal as the answer to its request."""
        return refusal(str(self), self.code, self.status)


class Refused(Exception):
    """One of MiniStack's checks has refused a request; it carries the answer."""

    def __init__(self, ready: Answer) -> None:
        super().__init__()
        self.ready = ready

    def answer(self) -> Answer:
        """Return the answer to the request."""
        return self.ready


def passed(ready: Answer | None) -> None:
    """Go on when a check of MiniStack's answered nothing. Raises Refused with its answer otherwise."""
    if ready is not None:
        raise Refused(ready)


def action(handler: Callable[[Parameters], Answer]) -> Callable[[Parameters], Answer]:
    """Make a request handler that answers what it raises as a refusal."""

    @functools.wraps(handler)
    def handle(parameters: Parameters) -> Answer:
        service_role.requested.set(value(parameters, service_role.KEY))
        try:
            return handler(parameters)
        except (Refusal, Refused) as refused:
            return refused.answer()

    return handle
