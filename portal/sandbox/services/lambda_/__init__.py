"""AWS Lambda: functions that really run, each in a confined process of its own.

Other people's code runs here. How far it can be confined depends on the machine; GET /_sanso/about reports
it.
"""

from portal.sandbox.protocols import in_use
from portal.sandbox.services.lambda_ import (
    custom_resources,
    execution_roles,
    interfaces,
    limits,
    logs,
    no_programs,
    workers,
)


def install() -> None:
    """Put the process, the logs and the custom resources in place."""
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
    """End the processes of an account's functions, or of all."""
    workers.end(account)


def stop() -> None:
    """End every process and remove its files."""
    workers.end(None)
    in_use.functions().stop()
