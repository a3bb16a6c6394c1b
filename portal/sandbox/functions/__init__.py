"""Lambda functions that really run: in a process of their own, with a folder of their own, as this user.

This is arbitrary code with this user's rights: the sandbox belongs on loopback and nowhere else.
"""


def install() -> None:
    """Put the process, the inline packaging, the logs and the custom resources in place."""
    from portal.sandbox.functions import custom_resources, logs, packages, processes

    for module in (packages, processes, logs, custom_resources):
        module.install()


def reset(account: str | None) -> None:
    """End the processes of an account's functions, or of all."""
    from portal.sandbox.functions import processes

    processes.end(account)


def stop() -> None:
    """End every process; none and none of their files stay."""
    from portal.sandbox.functions import processes

    processes.end(None)
