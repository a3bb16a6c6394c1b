"""End streams as soon as the web server receives a signal to stop, not only at its timeout.

uvicorn waits for open responses before it notifies the application (lifespan or cancellation), and a stream
never ends by itself. https://www.uvicorn.org/server-behavior/#graceful-process-shutdown
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType


def before_stop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Run `call` in the loop when the process receives a signal to stop, then the handler that is installed.

    Only a server's own handlers are extended: without one, nothing waits for streams.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        installed = signal.getsignal(number)
        if callable(installed) and installed is not signal.default_int_handler:
            signal.signal(number, _after(loop, call, installed))


def _after(
    loop: asyncio.AbstractEventLoop,
    call: Callable[[], None],
    installed: Callable[[int, FrameType | None], object],
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)
        installed(number, frame)

    return handle
