"""Nothing scrolls sideways and no text is over another, between a telephone and a wide window."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from deployments.environments.models.deployments import Deployment
from tests.builders import make_account, make_deployment, make_environment, make_user
from tests.flows.addresses import OUTPUTS, url
from tests.flows.test_pages import TOO_WIDE
from tests.flows.web import Web, logged_in
from tests.health_builders import make_whole

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(300)]
WIDTHS = (700, 760, 761, 762, 768, 800, 1024, 1041, 1100, 1253)
"""Those at which a style begins, and common ones."""
LISTS = (
    *("environments", "deployments", "recordings", "template_sets", "approvals", "approval_rules"),
    *("access_people", "access_teams", "tokens", "notifications", "audit_records"),
)
OF_AN_ENVIRONMENT = (
    *("environment", "environment_servers", "environment_database", "environment_history"),
    *("environment_configuration", "environment_access", "environment_change", "environment_delete"),
)
OVERLAPPING = """
  () => {
    const own = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const texts = [...document.querySelectorAll("body > header *, .crumbs *, h1, h1 ~ *, #phases *")]
      .filter((e) => own(e) && e.checkVisibility({ visibilityProperty: true }))
      .map((e) => [e, e.getBoundingClientRect()])
      .filter(([, box]) => box.width > 2 && box.height > 2);
    const found = [];
    for (const [at, [one, a]] of texts.entries()) {
      for (const [other, b] of texts.slice(at + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 2 && high > 2 && !one.contains(other)) found.push(`${one.innerText} | ${other.innerText}`);
      }
    }
    return found;
  }
"""
"""The texts of the header and of the phases that are over another."""


def faults(page: Page) -> list[str]:
    """Return what is wrong at each width."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size(ViewportSize(width=width, height=800))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url} scrolls sideways at {width}: {page.evaluate(TOO_WIDE)}")
        found += [f"{page.url} at {width}: {texts}" for texts in page.evaluate(OVERLAPPING)]
    return found


@pytest.mark.parametrize("locale", ["en", "ja"])
def test_no_page_scrolls_sideways_between_a_telephone_and_a_wide_window(
    chromium: Browser, web: Web, locale: str
) -> None:
    root = make_user("ana.watanabe-platform", is_staff=True, is_superuser=True)
    production = make_account("production-ap-northeast-1")
    made: list[Deployment] = []
    for name, status, state in (
        ("payments-production", "UPDATE_ROLLBACK_FAILED", "failed"),
        ("moving", "CREATE_IN_PROGRESS", "stacks"),
    ):
        shown = make_environment(
            name, account=production, owner=root, stack_id="arn:stack", stack_status=status, outputs=OUTPUTS
        )
        made.append(
            make_deployment(shown, state=state, requested_by=root, reason="Larger servers for the campaign")
        )
    whole = make_whole("shop", owner=root, outputs=OUTPUTS)
    assert whole.latest
    with logged_in(chromium, root, web.url, locale=locale) as context:
        page = context.new_page()
        found = []
        for name in LISTS:
            page.goto(url(web, name))
            found += faults(page)
        for name in OF_AN_ENVIRONMENT:
            page.goto(url(web, name, whole.pk))
            found += faults(page)
        for one in (*made, whole.latest):
            page.goto(url(web, "deployment", one.pk))
            found += faults(page)

    assert not found
