"""CloudFormation as AWS documents it, on MiniStack's templates and resource handlers."""

from sanso_sandbox.engine.cloudformation import (
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
    """Replace MiniStack's store, scheduler and request handlers with the sandbox's."""
    for module in (
        *(store, events, templates, describe, requests, undo_requests),
        *(change_sets, change_set_actions, response_urls, signals),
    ):
        module.install()


def reset(account: str | None) -> None:
    """Delete the stacks of an account, or of all accounts, and cancel their operations."""
    lifecycle.reset(account)


def stop() -> None:
    """Stop every operation."""
    reset(None)
