"""The sandbox of `make run` is killed, and forgets its environments."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.make_run import Run, log_in
from tests.services import LIMIT

pytestmark = pytest.mark.timeout(300)
SECONDS = LIMIT * 1000


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    running = Run(tmp_path)
    yield running
    running.stop()


def test_environments_are_missing_after_the_sandbox_was_killed(chromium: Browser, run: Run) -> None:
    """The sandbox's memory is lost: the pages report that the sandbox was restarted."""
    page = log_in(chromium, run)
    page.get_by_role("link", name="New environment").first.click()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator("#tree")).to_contain_text("Vpc", timeout=SECONDS)

    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"portal.sandbox" in command and str(run.folder).encode() in environment:
            os.kill(int(entry.name), signal.SIGKILL)

    banner = page.locator("#banner")
    expect(banner).to_contain_text("The sandbox was restarted", timeout=SECONDS)
    expect(banner).to_contain_text("the stack no longer exists")
    page.get_by_role("link", name="first", exact=True).click()
    expect(page.locator("main")).to_contain_text("The sandbox was restarted")
    for untrue in ("outside of Sanso", "Nothing was created", "no servers"):
        expect(page.locator("main")).not_to_contain_text(untrue)
