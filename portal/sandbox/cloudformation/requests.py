"""The requests that start operations: what AWS refuses, and what MiniStack's handlers then carry out."""

from ministack.services.cloudformation import handlers


def install() -> None:
    """Put our checks before MiniStack's handlers."""
    handlers._capabilities_enforced = lambda: True
