"""Web processes of the portal, connections that can be cut, and profiles of logged-in users."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page

from tests.browsers import profile
from tests.services import LOOPBACK, REPOSITORY, STOP_SECONDS, Service, free_port

FAULTS = (
    "htmx:evalDisallowedError",
    "htmx:eventFilter:error",
    "htmx:invalidPath",
    "htmx:swapError",
    "htmx:syntax:error",
    "htmx:targetError",
)
"""What htmx reports of a page that is wrong, not of a request that failed."""


@dataclass(kw_only=True)
class Web(Service):
    """A web process of the portal; on shutdown it waits `graceful` seconds for open responses."""

    graceful: float

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def stopped_at_once(self) -> bool:
        """Stop the process, and return whether it ended without exceeding its graceful timeout."""
        self.stop()
        assert self.process is not None
        cut_off = "graceful shutdown exceeded" in self.log.read_text(errors="replace")
        return not cut_off and self.process.returncode != -signal.SIGKILL


def environment_of_processes() -> dict[str, str]:
    """Return the environment variables of processes that share the tests' database.

    See `process_environment`.
    """
    name = str(connection.settings_dict["NAME"]).rpartition("/")[-1]
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {**os.environ, "DATABASE_URL": f"{base}/{name}"}


def start_web(
    folder: Path,
    environment: Mapping[str, str],
    *,
    port: int | None = None,
    graceful: float = 3,
    directory: Path = REPOSITORY,
) -> Web:
    """Start uvicorn as in production, with the code in `directory`, and return it when it responds."""
    port = port or free_port()
    server = Web(
        command=[
            *(sys.executable, "-m", "uvicorn", "portal.asgi:application", "--lifespan", "off"),
            *("--host", LOOPBACK, "--port", str(port), "--timeout-graceful-shutdown", f"{graceful:g}"),
            *("--forwarded-allow-ips", ""),
        ],
        folder=folder,
        port=port,
        answers=lambda: web_answers(port),
        environment=environment,
        stop_timeout=graceful + STOP_SECONDS,
        directory=directory,
        graceful=graceful,
    )
    server.start()
    return server


def web_answers(port: int) -> bool:
    """Return whether a web process responds on this port."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Wire:
    """A TCP proxy to a server, whose connections can be cut and restored."""

    def __init__(self, to: int) -> None:
        self.to, self.port = to, free_port()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.restore()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def restore(self) -> None:
        """Accept connections again."""
        listener = socket.create_server((LOOPBACK, self.port), reuse_port=False)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection((LOOPBACK, self.to))
            except OSError:
                return
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def submit(button: Locator) -> None:
    """Click a button that leads to another page, and wait for it: on a busy machine it opens late.

    What the test does next, such as opening a third page, would interrupt it.
    """
    with button.page.expect_navigation():
        button.click()


INTERRUPTED = ("interrupted by another navigation", "net::ERR_ABORTED")
"""What Playwright reports if another page opens meanwhile."""


def visit(page: Page, address: str) -> None:
    """Open a page from one that may load itself again, as the page of a change does when it begins."""
    for _ in range(3):
        try:
            page.goto(address)
        except Error as error:
            if not any(reason in error.message for reason in INTERRUPTED):
                raise
        else:
            return
    raise AssertionError(f"{page.url} loads itself again and again")


@contextlib.contextmanager
def logged_in(browser: Browser, user: User, *urls: str, **options: Any) -> Iterator[BrowserContext]:
    """Yield a browser profile in which the user is logged in at each of the URLs.

    At its end, no script of its pages may have raised an error that nothing caught, and htmx may have found
    no fault in them.
    """
    client = Client()
    client.force_login(user)
    session = client.cookies["sessionid"].value
    raised: list[str] = []
    with profile(browser, **options) as context:
        context.add_cookies([{"name": "sessionid", "value": session, "url": url} for url in urls])
        context.on("weberror", lambda error: raised.append(f"{error.page and error.page.url}: {error.error}"))
        context.on("console", lambda message: raised.append(message.text) if message.text in FAULTS else None)
        yield context
    assert not raised


def has_icon(page: Page, name: str) -> bool:
    """Return whether the icon of the browser's tab has a symbol of the page."""
    shape = page.locator(f"#i-{name}").evaluate("(symbol) => symbol.innerHTML")
    return shape in unquote(page.locator('link[rel="icon"]').get_attribute("href") or "")
