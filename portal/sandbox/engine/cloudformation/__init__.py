"""CloudFormation as AWS documents it, on MiniStack's templates and resource handlers."""

from portal.sandbox.engine.cloudformation import (
    change_set_actions,
    change_sets,
    describe,
    events,
    lifecycle,
    requests,
    response_urls,
    signals,
    store,
    templates,
    undo_requests,
)


def install() -> None:
    """Put the sandbox's store, scheduler and request handlers in place of MiniStack's."""
    for module in (
        *(store, events, templates, describe, requests, undo_requests),
        *(change_sets, change_set_actions, response_urls, signals),
    ):
        module.install()


def reset(account: str | None) -> None:
    """Forget the stacks of an account, or of all, and stop what is at work on them."""
    lifecycle.reset(account)


def stop() -> None:
    """Stop every operation."""
    reset(None)
