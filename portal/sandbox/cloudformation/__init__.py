"""CloudFormation as AWS documents it, on MiniStack's templates and resource handlers."""


def install() -> None:
    """Put our store, scheduler and request handlers in place of MiniStack's."""
    from portal.sandbox.cloudformation import events, lifecycle, requests, store, templates

    for module in (store, events, templates, lifecycle, requests):
        module.install()
