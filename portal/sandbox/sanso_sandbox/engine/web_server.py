"""Serves requests with MiniStack's web server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve as serve_with_hypercorn
from hypercorn.config import Config

Application = Callable[[Any, Any, Any], Awaitable[None]]


async def serve(application: Application, binds: list[str], stop: asyncio.Event) -> None:
    """Serve requests until stop is set, then cut remaining requests off after half a second."""
    config = Config()
    config.bind = binds
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.accesslog = None
    config.errorlog = None
    await serve_with_hypercorn(application, config, shutdown_trigger=stop.wait)
