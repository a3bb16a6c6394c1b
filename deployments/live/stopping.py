"""End streams as soon as the web server receives a signal to stop, not only at its timeout.

uvicorn waits for open responses before it notifies the application (lifespan or cancellation), and a stream
never ends by itself. https://www.uvicorn.org/server-behavior/#graceful-process-shutdown
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary


class Stop:
    """Whether the process of a loop has received a signal to stop, and the calls to run in the loop then."""

    def __init__(self) -> None:
        self.has_begun = False
        self.calls: list[Callable[[], None]] = []

    def run_calls(self) -> None:
        """Run the calls that wait for the signal."""
        while self.calls:
            self.calls.pop()()


class WatchingSignals:
    """An ASGI application that watches the signals before its first request.

    Otherwise a stream that is opened during the shutdown would never end, and the server would wait for it.
    uvicorn imports the application in its loop, after it has installed its handlers.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        with contextlib.suppress(RuntimeError):  # another server imports it before its loop runs
            watch(asyncio.get_running_loop())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        watch(asyncio.get_running_loop())
        await self._application(scope, receive, send)


def watch(loop: asyncio.AbstractEventLoop) -> Stop:
    """Return the stop of a loop's process, and extend the handlers of its signals at the first call.

    Only a server's own handlers are extended: without one, nothing waits for streams.
    """
    if loop in _stops:
        return _stops[loop]
    stop = _stops[loop] = Stop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            installed = signal.getsignal(number)
            if callable(installed) and installed is not signal.default_int_handler:
                signal.signal(number, _after(loop, stop, installed))
    return stop


def before_stop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Run `call` in the loop when the process receives a signal to stop; at once if it has received one."""
    stop = watch(loop)
    stop.calls.append(call)
    if stop.has_begun:
        stop.run_calls()


_stops: WeakKeyDictionary[asyncio.AbstractEventLoop, Stop] = WeakKeyDictionary()


def _after(
    loop: asyncio.AbstractEventLoop, stop: Stop, installed: Callable[[int, FrameType | None], object]
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        stop.has_begun = True
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.run_calls)
        installed(number, frame)

    return handle
