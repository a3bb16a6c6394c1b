"""Client request tokens: a repeated request gets the same response, and nothing is done twice."""

from sanso_sandbox.engine.cloudformation import limits
from sanso_sandbox.engine.cloudformation.responses import Parameters, Refusal, value
from sanso_sandbox.engine.cloudformation.store import Stack

NAME = "ClientRequestToken"


def is_repeated(stack: Stack, action: str, parameters: Parameters) -> bool:
    """Return whether the stack has already accepted this action with the request's token.

    Raises Refusal if the token was used for another action on the stack (TokenAlreadyExistsException in the
    API reference).
    """
    try:
        limits.check_token(value(parameters, NAME))
    except ValueError as wrong:
        raise Refusal(str(wrong)) from wrong
    used_for = (stack.get("_tokens") or {}).get(value(parameters, NAME))
    if used_for is None:
        return False
    if used_for != action:
        raise Refusal("A client request token already exists", "TokenAlreadyExistsException")
    return True


def remember(stack: Stack, action: str, parameters: Parameters) -> None:
    """Record that the stack has accepted an action with the request's token, if it has one."""
    if token := value(parameters, NAME):
        stack.setdefault("_tokens", {})[token] = action
