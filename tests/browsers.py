"""Chromium for tests: browsers and profiles whose closing takes limited time."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Playwright

from tests.services import LIMIT

log = logging.getLogger(__name__)

CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
"""Chromium without its windows: the same pages, for little more than half of the CPU seconds. The program in
/usr/bin is a shell script that stays its parent."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_pids: dict[Browser, int] = {}


def open_chromium(playwright: Playwright, *more: str) -> Browser:
    """Start Debian's Chromium without background networking: it connects only to the page's server."""
    mark = f"--sanso-tests={uuid.uuid4()}"  # an option that Chromium ignores, to find its process
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more, mark])
    _pids[browser] = _process_with(mark)
    return browser


def _process_with(mark: str) -> int:
    """Return the ID of the browser's process; its parts have a `--type=`."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark in words and "--type=" not in words:
                return int(entry.name)
    raise ProcessLookupError(mark)


def pid_of(browser: Browser) -> int:
    return _pids[browser]


def close(what: Browser | BrowserContext, *, seconds: float = LIMIT) -> None:
    """Close a browser or a profile; end the browser's process if that takes longer.

    Playwright has no timeout for it: a browser that does not respond would hold up all further tests.
    """
    browser = what if isinstance(what, Browser) else what.browser
    assert browser is not None
    has_hung = threading.Event()

    def end() -> None:
        has_hung.set()
        log.warning("closing %s took longer than %g s: its browser is ended", what, seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(_pids[browser], signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        what.close()
    except Error:
        if not has_hung.is_set() and browser.is_connected():
            raise
    finally:
        timer.cancel()


@contextlib.contextmanager
def profile(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Yield a new browser profile, with which pages wait as long as other conditions."""
    context = browser.new_context(**options)
    context.set_default_timeout(LIMIT * 1000)
    try:
        yield context
    finally:
        close(context)


class Chromium:
    """A browser that is started when it is needed, and again after its process has ended."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browser: Browser | None = None

    @property
    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = open_chromium(self._playwright)
        return self._browser

    def close(self) -> None:
        if self._browser is not None and self._browser.is_connected():
            close(self._browser)
