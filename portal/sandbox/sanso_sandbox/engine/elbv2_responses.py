"""ELB's response format: its envelope and its errors."""

from collections.abc import Callable

from ministack.services import alb

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Answer, Parameters, Record, Refused


def answer(action: str, content: Record) -> Answer:
    """Return the response of a successful call; lists become <member> elements."""
    wrapped: Answer = alb._xml(200, action, query.xml(content))
    return wrapped


def refusal(refused: Refused) -> Answer:
    """Return an error response in ELB's format."""
    wrapped: Answer = alb._error(refused.code, query.xml(str(refused)))
    return wrapped


def check_first(name: str, check: Callable[[Parameters], None]) -> None:
    """Run a check before an action; an error that it raises is the response."""
    action = alb._ACTION_MAP[name]

    def checked(parameters: Parameters) -> Answer:
        try:
            check(parameters)
        except Refused as refused:
            return refusal(refused)
        response: Answer = action(parameters)
        return response

    alb._ACTION_MAP[name] = checked
