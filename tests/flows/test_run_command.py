"""`make run` on a machine with only Python: SQLite, the embedded Redis and the embedded database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.services import LIMIT, REPOSITORY, free_port, wait_until

pytestmark = pytest.mark.timeout(300)
SECONDS = LIMIT * 1000


class Run:
    """`manage.py run` with a PATH that has no Redis, MariaDB or Apache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "manage.py"), "run"],
            cwd=REPOSITORY,
            env={
                "HOME": str(folder),
                "PATH": str(Path(sys.executable).parent),
                "SANSO_DATA_DIR": str(folder / "data"),
                "SANSO_SANDBOX_PACE": "0.1",
                "PORT": str(self.port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.printed = ""
        assert self.process.stdout is not None
        while "Log in as" not in self.printed:
            line = self.process.stdout.readline()
            assert line, self.printed
            self.printed += line

    @property
    def login(self) -> tuple[str, str]:
        found = re.search(r"Log in as (\S+) with the password (\S+)", self.printed)
        assert found, self.printed
        return found[1], found[2]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=LIMIT)

    def processes(self) -> list[str]:
        """Return the command lines of the processes that have this run's data folder in their environment."""
        wanted = f"SANSO_DATA_DIR={self.folder}/data".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (entry / "environ").read_bytes() and int(entry.name) != os.getpid():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    running = Run(tmp_path)
    yield running
    running.stop()


def log_in_and_deploy(chromium: Browser, run: Run) -> Page:
    """Log in with the printed credentials, and request an environment named `first`."""
    page = chromium.new_context().new_page()
    user, password = run.login
    page.goto(run.url)
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="New environment").first.click()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Deploy").click()
    return page


def test_an_environment_can_be_deployed_and_deleted_with_the_printed_login(
    chromium: Browser, run: Run
) -> None:
    page = log_in_and_deploy(chromium, run)
    expect(page.locator("#banner")).to_contain_text("first created", timeout=SECONDS)
    expect(page.locator("#banner")).to_contain_text("SiteUrl")
    page.goto(run.url)
    page.get_by_role("link", name="first", exact=True).click()
    page.locator("#sandbox summary").click()
    expect(page.locator("#sandbox")).to_contain_text("database: embedded")
    delete(page)

    run.stop()
    wait_until(lambda: run.processes() == [], what="the end of everything that was started")


def delete(page: Page) -> None:
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type the environment name").fill("first")
    page.get_by_label("Turn off deletion protection").check()
    page.get_by_role("button", name="Delete environment").click()
    expect(page.locator("#banner")).to_contain_text("first is deleted", timeout=SECONDS)


def test_environments_are_missing_after_the_sandbox_was_killed(chromium: Browser, run: Run) -> None:
    """The sandbox's memory is lost: the pages report that the sandbox was restarted."""
    page = log_in_and_deploy(chromium, run)
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
