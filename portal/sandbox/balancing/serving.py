"""One thread with an event loop that keeps a server open for every listener there is."""

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass, field

from ministack.services import alb

from portal.sandbox.balancing import http, places, streams, tcp
from portal.sandbox.balancing.choice import Choice
from portal.sandbox.resources.registry import Scope

logger = logging.getLogger(__name__)

LOOK = 0.2  # seconds between looks at the listeners
STOP = 5.0
HTTP_LIMIT = 65536  # bytes of a request's head

Key = tuple[Scope, str]


@dataclass(slots=True)
class _Open:
    """A listener that is served."""

    server: asyncio.Server
    connections: set[asyncio.Task[None]] = field(default_factory=set)


_open: dict[Key, _Open] = {}
_complained: set[Key] = set()
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
    """Open what is new and close what is gone."""
    wanted: dict[Key, tuple[str, int, int, str]] = {}
    for (account, region, listener), record in alb._listeners.all_items():
        address = places.of(record["LoadBalancerArn"])
        if address is not None and record["Protocol"] in ("HTTP", "TCP", "TCP_UDP"):
            port = int(record["Port"])
            place = (address.host, address.port(port), port, record["Protocol"])
            wanted[Scope(account, region), listener] = place
    for key in [key for key in _open if key not in wanted]:
        _close(key)
    for key, place in wanted.items():
        if key not in _open:
            await _serve(key, *place)
    places.forget_deleted()


async def _serve(key: Key, host: str, port: int, listed: int, protocol: str) -> None:
    choice = Choice(*key)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        opened = _open.get(key)
        if opened is not None and task is not None:
            opened.connections.add(task)
        client: streams.Streams = (reader, writer)
        try:
            with contextlib.suppress(OSError):
                await (
                    http.serve(choice, client, listed) if protocol == "HTTP" else tcp.serve(choice, client)
                )
        finally:
            if opened is not None and task is not None:
                opened.connections.discard(task)
            await streams.close(writer)

    try:
        _open[key] = _Open(await asyncio.start_server(carry, host, port, limit=HTTP_LIMIT, backlog=512))
    except OSError as error:
        if key not in _complained:
            _complained.add(key)
            logger.warning("The listener %s cannot be served on %s:%s: %s", key[1], host, port, error)


def _close(key: Key) -> None:
    opened = _open.pop(key)
    opened.server.close()
    for task in list(opened.connections):
        task.cancel()
