"""Pages in a browser without a web process: the test renders them, so their rows need not be committed."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from playwright.sync_api import Page, Route, expect

from portal import bundles

ORIGIN = "http://testserver"


def open_rendered(page: Page, path: str, html: bytes) -> None:
    """Open a page that was rendered for a path, with static files; abort every other request."""

    def answer(route: Route) -> None:
        asked = route.request.url.removeprefix(ORIGIN)
        if asked == path:
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif asked.startswith("/static/"):
            name = asked.partition("?")[0].removeprefix("/static/")
            kind, _ = mimetypes.guess_type(name)
            bundled = bundles.requested(name)
            content = bundled.content if bundled else Path(str(finders.find(name))).read_bytes()
            route.fulfill(body=content, content_type=kind or "text/plain")
        else:
            route.abort()

    page.unroute_all()
    page.route(f"{ORIGIN}/**", answer)
    page.goto(f"{ORIGIN}{path}")


def first_failure_is_in_view(page: Page) -> None:
    """Expect the page's title, the headline and the name in the first failure's row to be in the window.

    The row's reason, which may be long, is in the headline as well.
    """
    for name in ("h1", "#end-title", "tr.is-first .line"):
        expect(page.locator(name)).to_be_in_viewport(ratio=1)
