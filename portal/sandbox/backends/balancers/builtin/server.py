"""One thread with an event loop that keeps a server open for every listener there is."""

import asyncio
import contextlib
import logging
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from portal.sandbox.backends.balancers import addresses
from portal.sandbox.backends.balancers.builtin import http, streams, tcp
from portal.sandbox.backends.balancers.builtin.choice import Choice
from portal.sandbox.services.elbv2 import certificates, forwarding

logger = logging.getLogger(__name__)

LOOK = 0.2  # seconds between looks at the listeners
STOP = 5.0
HTTP_LIMIT = 65536  # bytes of a request's head


@dataclass(slots=True)
class _Open:
    """A listener that is served."""

    listener: forwarding.Listener
    server: asyncio.Server
    connections: set[asyncio.Task[None]] = field(default_factory=set)


_open: dict[forwarding.Key, _Open] = {}
_complained: set[forwarding.Key] = set()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def start() -> None:
    """Start the thread."""
    global _loop, _thread
    _loop = asyncio.new_event_loop()
    _thread = threading.Thread(
        target=_loop.run_until_complete, args=(_keep(),), name="balancing", daemon=True
    )
    _thread.start()


def stop() -> None:
    """Close everything and end the thread."""
    if _loop is not None and _thread is not None and _thread.is_alive():
        _loop.call_soon_threadsafe(_cancel_all)
        _thread.join(STOP)


def _cancel_all() -> None:
    for task in asyncio.all_tasks():
        task.cancel()


async def _keep() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            try:
                await _match()
            except Exception:
                logger.exception("The listeners could not be looked at.")
            await asyncio.sleep(LOOK)
    for key in list(_open):
        _close(key)


async def _match() -> None:
    """Open what is new or changed, and close what is gone."""
    wanted = {listener.key: listener for listener in forwarding.listeners()}
    for key in [key for key, opened in _open.items() if wanted.get(key) != opened.listener]:
        _close(key)
    for key, listener in wanted.items():
        if key not in _open:
            await _serve(listener)
    addresses.forget_deleted()


async def _serve(listener: forwarding.Listener) -> None:
    choice = Choice(listener)
    key = listener.key

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        opened = _open.get(key)
        if opened is not None and task is not None:
            opened.connections.add(task)
        client: streams.Streams = (reader, writer)
        try:
            with contextlib.suppress(OSError):
                await (http if listener.speaks_http else tcp).serve(choice, client)
        finally:
            if opened is not None and task is not None:
                opened.connections.discard(task)
            await streams.close(writer)

    encryption = None
    if listener.encrypted:
        with tempfile.TemporaryDirectory() as folder:
            encryption = certificates.context(certificates.pem(listener), Path(folder))
    place = (listener.address.host, listener.port)
    try:
        server = await asyncio.start_server(carry, *place, limit=HTTP_LIMIT, backlog=512, ssl=encryption)
    except OSError as error:
        if key not in _complained:
            _complained.add(key)
            logger.warning("The listener %s cannot be served on %s:%s: %s", key[1], *place, error)
    else:
        _open[key] = _Open(listener, server)


def _close(key: forwarding.Key) -> None:
    opened = _open.pop(key)
    opened.server.close()
    for task in list(opened.connections):
        task.cancel()
