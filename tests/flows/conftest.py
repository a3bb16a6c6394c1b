"""A browser and a web process for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.flows.web import Web, environment_of_processes, open_chromium, start_web

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of the file; each gets a profile of its own from `logged_in`."""
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process of its own, on the tests' database."""
    server = start_web(tmp_path_factory.mktemp("web"), environment_of_processes())
    yield server
    server.stop()
