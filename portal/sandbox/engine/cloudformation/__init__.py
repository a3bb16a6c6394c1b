"""CloudFormation as AWS documents it, on MiniStack's templates and resource handlers."""


def install() -> None:
    """Put our store, scheduler and request handlers in place of MiniStack's."""
    from portal.sandbox.engine.cloudformation import (
        change_set_actions,
        change_sets,
        describe,
        events,
        requests,
        store,
        templates,
    )

    for module in (store, events, templates, describe, requests, change_sets, change_set_actions):
        module.install()


def reset(account: str | None) -> None:
    """Forget the stacks of an account, or of all, and stop what is at work on them."""
    from portal.sandbox.engine.cloudformation import lifecycle

    lifecycle.reset(account)


def stop() -> None:
    """Stop every operation."""
    reset(None)
