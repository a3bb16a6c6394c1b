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
import importlib.metadata
import inspect
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any, Final

from portal.sandbox import expected

EXTENSIONS: Final = (
    "portal.sandbox.cloudformation",
    "portal.sandbox.resources",
    "portal.sandbox.state_manager",
    "portal.sandbox.database",
    "portal.sandbox.functions",
    "portal.sandbox.role_sessions",
    "portal.sandbox.response_urls",
    "portal.sandbox.health",
    "portal.sandbox.machines",
    "portal.sandbox.balancing",
)

Application = Callable[[Any, Any, Any], Awaitable[None]]


class EngineMismatch(Exception):
    """The MiniStack that is installed is not the one the extensions were written for."""


def install() -> list[ModuleType]:
    """Check MiniStack and put every extension on it; returns them in the order of their installation.

    Raises EngineMismatch when the installed MiniStack is another one, with everything that differs.
    """
    check()
    extensions = [importlib.import_module(name) for name in EXTENSIONS]
    for extension in extensions:
        extension.install()
    return extensions


def check() -> None:
    """Compare MiniStack with what we patch and use. Raises EngineMismatch, naming every difference."""
    found = importlib.metadata.version("ministack")
    wanted = expected.VERSION
    if found != wanted:
        raise EngineMismatch(
            f"The sandbox extends MiniStack {wanted} and {found} is installed: install ministack=={wanted}."
        )
    if differences := list(_differences()):
        raise EngineMismatch(
            f"MiniStack {wanted} is not as the sandbox expects it: {'; '.join(differences)}."
        )


def _differences() -> Iterator[str]:
    for module_name, names in expected.USED.items():
        module = importlib.import_module(module_name)
        for name, parameters in names.items():
            if not hasattr(module, name):
                yield f"{module_name}.{name} is missing"
            elif parameters is not None and (found := _parameters(getattr(module, name))) != parameters:
                yield f"{module_name}.{name} takes ({found}) and not ({parameters})"


def _parameters(function: Callable[..., Any]) -> str:
    return ", ".join(inspect.signature(function).parameters)


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
