"""How an answer of CloudFormation's query API is spelt: nested Python values as XML, and pages with their tokens."""

from html import escape
from typing import Any, TypeAlias

from ministack.services.cloudformation import helpers

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
Parameters: TypeAlias = dict[str, Any]

PAGE = 100


def xml(value: Any) -> str:
    """Spell a value: dictionaries by their keys, lists as member elements; None is left out."""
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
