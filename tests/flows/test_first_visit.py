"""The first visit of a page: it has the portal's font and is light, and nothing moves when the font comes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_user
from tests.flows.addresses import url
from tests.flows.web import Web, logged_in

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(300)]
MOST_BYTES = 90_000
MOST_SHIFT = 0.02
USES_INTER = """
  async () => {
    await document.fonts.ready;
    const loaded = [...document.fonts].some((face) => face.family === "Inter" && face.status === "loaded");
    return loaded && document.fonts.check("600 22px Inter", "Sanso");
  }
"""
ADD_SHIFTS = """
  window.shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => {
    window.shift += one.value;
    (window.moved ??= []).push(...one.sources.map((source) => source.node?.outerHTML?.slice(0, 80)));
  }))
    .observe({ type: "layout-shift", buffered: true });
"""
SHIFT = """
  () => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(window.shift))));
  })
"""
"""The shifts so far, after what is in progress has been painted."""


def bytes_of(page: Page, address: str) -> dict[str, int]:
    """Open a page; return the bytes that its style sheets and fonts took on the wire, by address."""
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def received(event: dict[str, Any]) -> None:
        if event["type"] in ("Stylesheet", "Font"):
            names[event["requestId"]] = event["response"]["url"]

    def finished(event: dict[str, Any]) -> None:
        if name := names.get(event["requestId"]):
            sizes[name] = int(event["encodedDataLength"])

    session = page.context.new_cdp_session(page)
    session.on("Network.responseReceived", received)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")
    page.goto(address)
    assert page.evaluate(USES_INTER), f"{address} does not use Inter"
    session.detach()
    return sizes


def test_a_first_visit_loads_the_font_once_and_little_else(
    chromium: Browser, web: Web, environment: Environment
) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    deployment = make_deployment(environment, state="succeeded")
    for name, *arguments in (
        ("login",),
        ("environments",),
        ("environment", environment.pk),
        ("deployment", deployment.pk),
        ("environment_new",),
        ("audit_records",),
    ):
        urls = () if name == "login" else (web.url,)
        with logged_in(chromium, root, *urls) as context:
            sizes = bytes_of(context.new_page(), url(web, name, *arguments))
        assert len([one for one in sizes if one.endswith(".woff2")]) == 1, (
            sizes
        )  # what is preloaded is what is used
        assert sum(sizes.values()) <= MOST_BYTES, sizes
    with logged_in(chromium, root, web.url) as context:
        assert bytes_of(context.new_page(), f"{web.url}/admin/auth/user/")


def shift_with_late_font(page: Page, address: str) -> float:
    """Open a page whose font arrives when the rest is painted; return its layout shift."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/fonts/inter.*.woff2", hold)
    page.goto(address, wait_until="domcontentloaded")
    expect(page.locator("h1").first).to_be_visible()
    page.evaluate(SHIFT)
    assert held
    for route in held:
        route.continue_()
    assert page.evaluate(USES_INTER)
    return float(page.evaluate(SHIFT))


@pytest.mark.parametrize("locale", ["en", "ja"])
def test_nothing_moves_when_the_font_comes_late(
    chromium: Browser, web: Web, environment: Environment, locale: str
) -> None:
    deployment = make_deployment(environment, state="succeeded")
    root = make_user("root", is_staff=True, is_superuser=True)
    with logged_in(chromium, root, web.url, locale=locale) as context:
        context.add_init_script(ADD_SHIFTS)
        for name, *arguments in (
            ("environments",),
            ("environment", environment.pk),
            ("deployment", deployment.pk),
            ("environment_new",),
            ("access_people",),
        ):
            page = context.new_page()
            shift = shift_with_late_font(page, url(web, name, *arguments))
            assert shift <= MOST_SHIFT, (name, page.evaluate("window.moved"))
            page.close()
