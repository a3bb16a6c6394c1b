"""The steps of docs/first-environment.md by click, with the labels that it names in each language.

The machine has only Python: SQLite, the embedded Redis and the embedded database.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import gettext, override
from playwright.sync_api import Browser, Page, expect

from tests.flows.make_run import Run, log_in
from tests.services import LIMIT, REPOSITORY, wait_until

pytestmark = pytest.mark.timeout(1200)
SECONDS = LIMIT * 1000
DOCUMENT = REPOSITORY / "docs" / "first-environment.md"
PARTS = ("manage.py", "pyproject.toml", "portal", "deployments", "datelog", "infra_templates", "playbook")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the code, compiled files included, in which datelog is changed."""
    for name in PARTS:
        source, copy = REPOSITORY / name, tmp_path / "sanso" / name
        copy.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy(source, copy)
    return tmp_path / "sanso"


@pytest.fixture
def run(tmp_path: Path, repository: Path) -> Iterator[Run]:
    running = Run(tmp_path, repository)
    yield running
    running.stop()


class Walk:
    """A person who follows the document, with the words that it gives for the language of the browser."""

    def __init__(self, page: Page, language: str) -> None:
        self.page, self.language = page, language
        text = " ".join(DOCUMENT.read_text().split())
        table = dict(re.findall(r"\| \*([^*|]+)\* \| \*([^*|]+)\* \|", text))
        self.words = table if language == "ja" else {name: name for name in table}

    def text(self, english: str) -> str:
        """Return a text of the pages about `shop` that the document does not have."""
        with override(self.language):
            return gettext(english) % {"name": "shop"}

    def link(self, name: str) -> None:
        self.page.get_by_role("link", name=self.words[name]).first.click()

    def tab(self, name: str) -> None:
        self.page.locator("#tabs").get_by_role("link", name=self.words[name]).click()

    def button(self, name: str) -> None:
        begins = re.compile(f"^{re.escape(self.words[name])}")  # some go on for screen readers
        self.page.get_by_role("button", name=begins).first.click()

    def succeeded(self) -> None:
        """Wait until the page of the deployment says so."""
        expect(self.page.locator("#header")).to_contain_text(self.words["Succeeded"], timeout=3 * SECONDS)

    def apply_the_preview(self) -> None:
        expect(self.page.locator("#apply-change")).to_have_text(self.words["Apply"], timeout=SECONDS)
        self.button("Apply")
        self.succeeded()
        self.link("View environment")

    def save_a_time(self) -> None:
        """Open the site in its tab, and save a time there."""
        with self.page.context.expect_page() as opened:
            self.link("Open site")
        site = opened.value
        before = site.locator("li time").count()
        site.locator("button").click()
        expect(site.locator("li time")).to_have_count(before + 1)
        site.close()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_steps_of_the_first_environment_can_be_clicked_as_the_document_names_them(
    chromium: Browser, run: Run, repository: Path, language: str
) -> None:
    page = log_in(chromium, run, language)
    walk = Walk(page, language)

    walk.link("New environment")
    account = page.locator("#id_account option").filter(has_text="sandbox").get_attribute("value")
    page.locator("#id_account").select_option(account)
    page.locator("#id_name").fill("shop")
    walk.button("Deploy")
    walk.succeeded()
    expect(page.locator("#banner")).to_contain_text("SiteUrl")
    walk.link("View environment")
    page.locator("#sandbox summary").click()
    expect(page.locator("#sandbox")).to_contain_text(walk.text("database: embedded"))
    walk.save_a_time()

    walk.link("Change…")
    page.locator("#id_parameter_WebInstanceType").fill("t4g.small")
    walk.button("Preview change")
    walk.apply_the_preview()

    views = repository / "datelog" / "views.py"
    views.write_text(f"{views.read_text()}# The second version.\n")
    walk.link("Template sets")
    page.get_by_role("link", name="infra_templates").click()
    expect(page.locator("main th a[href^='/template-sets/versions/']")).to_have_count(2, timeout=2 * SECONDS)
    page.goto("/")
    page.get_by_role("link", name="shop", exact=True).click()
    walk.tab("Configuration")
    page.get_by_label(re.compile(re.escape(walk.words["Channel"]))).fill("*")
    walk.button("Set channel")
    expect(page.locator("main")).to_contain_text(walk.words["Update available"], timeout=SECONDS)
    walk.link("View update")
    walk.button("Preview this change")
    walk.apply_the_preview()
    walk.save_a_time()

    walk.tab("History")
    walk.button("Roll back to this")
    walk.apply_the_preview()

    page.get_by_label(walk.words["More actions"]).click()
    walk.link("Delete…")
    page.locator("#id_typed_name").fill("shop")
    page.get_by_label(walk.words["Turn off deletion protection first"]).check()
    walk.button("Delete environment")
    expect(page.locator("#banner")).to_contain_text(walk.text("%(name)s is deleted"), timeout=2 * SECONDS)
    expect(page.locator("#remaining")).to_be_visible()

    run.stop()
    wait_until(lambda: run.processes() == [], what="the end of everything that was started")
