"""What is wrong with a page for those who use it, found in the browser.

https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# What the rules found in order and what is of no use here is not collected: it takes longer than the rules.
_OPTIONS = {"resultTypes": ["violations"], "preload": False}


def violations(page: Page, *only: str) -> list[dict[str, Any]]:
    """Return the violations of a page, each with its `id` and `nodes`; `only` are rules or tags."""
    if not page.evaluate("Boolean(window.axe)"):  # a page has it once; it takes a while to load
        page.evaluate(AXE_SCRIPT)
    options = _OPTIONS | ({"runOnly": list(only)} if only else {})
    found: list[dict[str, Any]] = page.evaluate(
        "(options) => axe.run(options).then((results) => results.violations)", options
    )
    return found


def primary_buttons(page: Page) -> list[str]:
    """Return the texts of the primary buttons that are displayed: a page has one next thing to do."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("main .primary")].filter((button) => button.checkVisibility())
        .map((button) => button.textContent.trim().replace(/\\s+/g, " "))"""
    )
    return found
