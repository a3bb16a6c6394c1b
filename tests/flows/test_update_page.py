"""An environment's template set version in the browser: accessible pages, usable by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from deployments.environments.models.environments import Environment
from deployments.template_sets.models.versions import TemplateVersion
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.template_versions import ROOT, make_pinned, make_source, make_version

pytestmark = pytest.mark.timeout(300)
NEWER = ROOT.replace("Count: {Type: Number, Default: 2}", "Color: {Type: String, Default: blue}").replace(
    "Default: small", "Default: large"
)
SITE = "<h1>Shop</h1>\n" + "<p>line</p>\n" * 40


@pytest.fixture
def shop(operator: User, tmp_path: Path) -> Environment:
    """An environment whose channel has two newer versions; another environment has the newest version."""
    source, folder = make_source(), tmp_path / "shop"
    files = {"root.yaml": ROOT, "playbook/site/index.html": SITE}
    first = make_version(source, folder, "v1.0", files=files, message="First release")
    make_version(source, folder, files={"root.yaml": NEWER}, message="Add a color\n\nCount was never used.")
    files = {"playbook/site/index.html": SITE.replace("Shop", "Our shop"), "playbook/logo.png": "\0\1"}
    make_version(source, folder, "v1.1", "main", files=files, message="Greet customers")
    make_pinned("staging", TemplateVersion.objects.get(number=3), parameters={"Size": "large"})
    return make_pinned("shop", first, channel="v1.*")


def test_the_pages_of_a_version_are_accessible(page: Page, web: Web, shop: Environment) -> None:
    found = []
    for route, args in (
        ("environments", ()),
        ("environment_configuration", (shop.pk,)),
        ("environment_update", (shop.pk,)),
        ("template_version", (TemplateVersion.objects.get(number=3).pk,)),
    ):
        page.goto(url(web, route, *args))
        page.evaluate("for (const one of document.querySelectorAll('details.file')) one.open = true")
        found += faults(page)
    assert not found


def test_from_the_list_to_the_differences_with_the_keyboard_and_the_channel_is_set(
    page: Page, web: Web, shop: Environment
) -> None:
    page.goto(url(web, "environments"))
    page.get_by_role("table").get_by_role("link", name="Update available").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#files")).to_contain_text("Color")
    expect(page.locator("#commits")).to_contain_text("Count was never used.")
    expect(page.locator("#artifact-0")).to_contain_text("This is a binary file")
    page.locator("#artifact-0 summary", has_text="index.html").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("<h1>Our shop</h1>")).to_be_visible()

    page.goto(url(web, "environment_configuration", shop.pk))
    page.get_by_label("Channel").fill("main")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The environment follows main.")).to_be_visible()
    expect(page.get_by_label("Channel")).to_have_value("main")
