"""Starts MiniStack with our extensions on it, after checking that it is the one they were written for.

An extension is a module with `install() -> None`, which patches MiniStack's registries before the first
request. It may also have
    about() -> dict[str, object]      fields for GET /_sanso/about
    reset(account: str | None)        forget everything of an account, or of all
    stop() -> None                    end what it started: processes, threads, files
Resource handlers stay as MiniStack has them in provisioners._RESOURCE_HANDLERS: create(logical_id,
properties, stack_name) -> (physical id, attributes), and so on. A handler that is not MiniStack's own runs in
a thread of its own, so it may block. What takes long should rather be the entry's "stabilize", a coroutine
function (physical_id, properties, stack_name) -> attributes or None: it is awaited after the event of
"Resource creation Initiated" and after an update, may be cancelled at any await, and raises ValueError with a
reason.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final

from portal.sandbox.engine import contract

EXTENSIONS: Final = (
    "portal.sandbox.engine.cloudformation",
    "portal.sandbox.services",
    "portal.sandbox.services.ssm",
    "portal.sandbox.backends.databases",
    "portal.sandbox.services.lambda_",
    "portal.sandbox.services.iam.role_sessions",
    "portal.sandbox.engine.cloudformation.response_urls",
    "portal.sandbox.services.elbv2.target_health",
    "portal.sandbox.protocols.machines",
    "portal.sandbox.backends.balancers",
)

Application = Callable[[Any, Any, Any], Awaitable[None]]


def install() -> list[ModuleType]:
    """Check MiniStack and put every extension on it; returns them in the order of their installation.

    Raises EngineMismatch when the installed MiniStack is another one, with everything that differs.
    """
    contract.check()
    extensions = [importlib.import_module(name) for name in EXTENSIONS]
    for extension in extensions:
        extension.install()
    return extensions


async def serve(application: Application, binds: list[str], stop: asyncio.Event) -> None:
    """Answer requests until stop is set; requests that still wait then are cut off after half a second."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = binds
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.accesslog = None
    config.errorlog = None
    await hypercorn_serve(application, config, shutdown_trigger=stop.wait)
