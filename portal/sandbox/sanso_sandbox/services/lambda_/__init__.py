"""AWS Lambda: functions that are really executed, each in a separate confined process.

This is foreign code. The strictness of its confinement depends on the machine; GET /_sanso/about reports it.
"""

from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.lambda_ import (
    custom_resources,
    execution_roles,
    interfaces,
    limits,
    logs,
    no_programs,
    workers,
)


def install() -> None:
    """Install the processes, the logs and the custom resources."""
    for module in (
        no_programs,
        interfaces,
        limits,
        execution_roles,
        workers,
        logs,
        custom_resources,
    ):
        module.install()


def reset(account: str | None) -> None:
    """End the processes of an account's functions, or of all functions."""
    workers.end(account)


def stop() -> None:
    """End all processes and remove their files."""
    workers.end(None)
    in_use.functions().stop()
