"""A browser that does not respond holds up no test: its process is ended, and the next test gets another."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from playwright.sync_api import Playwright

from tests.browsers import Chromium, close, pid_of
from tests.services import REPOSITORY, wait_until

CLOSING = re.compile(r"\b(\w*context|\w*profile|\w*browser|elsewhere)\.close\(\)")


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_browser_that_hangs_when_a_profile_is_closed_is_ended_and_replaced(playwright: Playwright) -> None:
    chromium = Chromium(playwright)
    browser = chromium.browser
    context, pid = browser.new_context(), pid_of(browser)
    context.new_page().set_content("<p>open</p>")
    os.kill(pid, signal.SIGSTOP)

    close(context, seconds=1)

    wait_until(lambda: not is_running(pid), what="the end of the browser")
    page = chromium.browser.new_page()
    page.set_content("<p>another</p>")
    assert page.inner_text("p") == "another"
    chromium.close()


def test_tests_close_browsers_and_profiles_within_limited_time() -> None:
    files = [*(REPOSITORY / "tests/flows").glob("*.py"), *(REPOSITORY / "tests/datelog").glob("*.py")]
    assert [file.name for file in files if CLOSING.search(file.read_text())] == []
