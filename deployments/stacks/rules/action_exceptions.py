"""Exceptions that a step of an action request raises to continue later, or to fail with a message."""

from __future__ import annotations

from deployments.common.errors import Message


class ContinueLater(Exception):
    """Raised when a further step is needed, in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class ActionFailed(Exception):
    """Raised when the action has failed for good, with the reason."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message
