"""ELB's way of answering: its envelope and its errors."""

from ministack.services import alb

from portal.sandbox.engine import query
from portal.sandbox.engine.registry import Answer, Record, Refused


def answer(action: str, content: Record) -> Answer:
    """Wrap the content of a successful call; lists become <member> elements."""
    wrapped: Answer = alb._xml(200, action, query.xml(content))
    return wrapped


def refusal(refused: Refused) -> Answer:
    """Wrap an error as ELB does."""
    wrapped: Answer = alb._error(refused.code, query.xml(str(refused)))
    return wrapped
