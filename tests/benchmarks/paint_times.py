"""The times at which a deployment's events were painted, recorded by its page in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from playwright.sync_api import Page, sync_playwright

from tests.browsers import open_chromium
from tests.flows.web import logged_in

# A line is painted when a frame has passed after its insertion: in the second animation frame's callback.
RECORD = """
() => {
  window.painted = {};
  const note = (node) => {
    if (!(node instanceof Element)) return;
    const lines = node.matches('[data-seq]') ? [node] : [];
    for (const line of [...lines, ...node.querySelectorAll('[data-seq]')]) {
      const seq = line.dataset.seq;
      requestAnimationFrame(() => requestAnimationFrame(() => { window.painted[seq] ??= Date.now(); }));
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) note(node);
  }).observe(document.getElementById('events'), { childList: true, subtree: true });
}
"""


@contextmanager
def watching(url: str, user: User, deployment_pk: int) -> Iterator[Page]:
    """Yield the Events tab of a deployment, which records when lines are painted."""
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        with logged_in(browser, user, url, viewport={"width": 1440, "height": 900}) as context:
            page = context.new_page()
            page.goto(f"{url}/deployments/{deployment_pk}/?tab=events")
            page.wait_for_function("document.getElementById('events').rows.length > 0")
            page.evaluate(RECORD)
            yield page
        browser.close()


def painted(page: Page) -> dict[int, float]:
    """Return the time at which each event was painted, in epoch seconds by this machine's clock."""
    found: dict[str, float] = page.evaluate("window.painted")
    return {int(seq): at / 1000 for seq, at in found.items()}
