"""The sandbox of `make run` is killed, and forgets its environments."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.flows.make_run import Run, log_in
from tests.services import LIMIT

pytestmark = pytest.mark.timeout(600)
SECONDS = LIMIT * 1000


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    running = Run(tmp_path)
    yield running
    running.stop()


def kill_sandbox(run: Run) -> None:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if b"sanso_sandbox" in command and str(run.folder).encode() in environment:
            os.kill(int(entry.name), signal.SIGKILL)


def test_environments_are_missing_after_the_sandbox_was_killed(chromium: Browser, run: Run) -> None:
    """The sandbox's memory is lost: the pages report that the sandbox was restarted."""
    page = log_in(chromium, run)
    page.get_by_role("link", name="New environment").first.click()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator("#tree")).to_contain_text("Vpc", timeout=SECONDS)

    kill_sandbox(run)

    banner = page.locator("#banner")
    expect(banner).to_contain_text("The sandbox was restarted", timeout=SECONDS)
    expect(banner).to_contain_text("the stack no longer exists")
    page.get_by_role("link", name="first", exact=True).click()
    expect(page.locator("main")).to_contain_text("The sandbox was restarted")
    for untrue in ("outside of Sanso", "Nothing was created", "no servers"):
        expect(page.locator("main")).not_to_contain_text(untrue)


API = "/api/v1"


def test_no_page_list_or_api_leads_to_what_a_restart_of_the_sandbox_has_lost(
    chromium: Browser, run: Run
) -> None:
    page = log_in(chromium, run)
    page.get_by_role("link", name="New environment").first.click()
    page.get_by_label("Name", exact=True).fill("first")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator("#banner")).to_contain_text("first created", timeout=4 * SECONDS)
    found = page.request.get(f"{API}/environments/1").json()
    site = found["site_url"]
    assert found["outputs"]["SiteUrl"] == site
    lost = urlsplit(site).netloc
    before = {path: leads_to(html, lost) for path, html in crawl(page, "/environments/")}
    assert any(before.values())

    kill_sandbox(run)
    page.goto("/environments/1/")
    expect(page.locator("main")).to_contain_text("The sandbox was restarted", timeout=SECONDS)

    after = {path: leads_to(html, lost) for path, html in crawl(page, "/environments/")}
    assert {path: links for path, links in after.items() if links} == {}
    for path in ("environments", "environments/1", "environments/1/health", "environments/1/stacks",
                 "environments/1/deployments", "deployments", "deployments/1"):  # fmt: skip
        answer = page.request.get(f"{API}/{path}")
        assert answer.ok, path
        assert lost not in answer.text(), path


def leads_to(html: str, lost: str) -> list[str]:
    """Return the addresses in a page's links, forms, images and buttons to copy that lead to what is lost."""
    given = re.findall(r'(?:href|action|src|data-copy)="([^"]*)"', html)
    return [one for one in given if lost in one]


def crawl(page: Page, start: str) -> Iterator[tuple[str, str]]:
    """Yield each page of the portal that is reachable by links, once for each path, with its HTML."""
    seen, queue = {start}, [start]
    while queue:
        path = queue.pop(0)
        answer = page.request.get(path)
        if not answer.ok or "text/html" not in answer.headers.get("content-type", ""):
            continue
        html = answer.text()
        yield path, html
        for link in re.findall(r'href="(/[^"#]*)', html):
            target = link.partition("?")[0]
            if target not in seen and not re.match(r"/(static|admin|logout|api)", target):
                seen.add(target)
                queue.append(target)
