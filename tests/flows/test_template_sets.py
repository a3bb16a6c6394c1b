"""The pages of template sets in a real browser: a moved tag and a withdrawn version; axe on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateRef
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web
from tests.template_versions import make_pinned, make_source, make_version

pytestmark = pytest.mark.timeout(300)
FINDING = {"level": "Warning", "rule": "W2001", "file": "root.yaml", "line": "3", "message": "Unused."}


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> TemplateSource:
    """A Git repository with a moved tag, and an environment that runs the tag's previous version."""
    source = make_source("shop", fetched_at=timezone.now())
    now = timezone.now()
    first = make_version(source, tmp_path / "shop", authored_at=now, message="Add a topic")
    text = "Resources: {Bucket: {Type: AWS::S3::Bucket}}\n"
    second = make_version(source, tmp_path / "shop", "main", "v1", authored_at=now, files={"root.yaml": text})
    TemplateRef.objects.filter(source=source, name="refs/tags/v1").update(
        version=second, moved_from=first, moved_at=now
    )
    TemplateCheck.objects.create(digest=first.digest, findings=[FINDING])
    TemplateFetch.objects.create(source=source, trigger="schedule", state="succeeded", added=2)
    make_pinned("staging", first)
    return source


def test_a_moved_tag_is_confirmed_and_a_version_is_withdrawn_by_keyboard(
    page: Page, web: Web, shop: TemplateSource
) -> None:
    page.goto(url(web, "environments"))
    page.get_by_role("link", name="Template sets").press("Enter")
    expect(page.locator(f"#set-{shop.pk}")).to_contain_text("1 tag has moved")
    assert faults(page) == []
    page.get_by_role("link", name="shop").press("Enter")
    expect(page.get_by_role("heading", name="Tag v1 has moved")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Confirm v1").press("Enter")
    expect(page.get_by_text("v1 is confirmed.")).to_be_visible()
    expect(page.get_by_role("heading", name="Tag v1 has moved")).to_have_count(0)

    page.locator("#versions").get_by_role("link", name="v1", exact=True).press("Enter")
    page.locator("#id_status").select_option("withdrawn")
    page.get_by_role("button", name="Set status").press("Enter")
    expect(page.locator("#id_reason_error")).to_contain_text("Enter a reason.")
    assert faults(page) == []
    page.get_by_label("Reason").fill("It loses the queue.")
    page.get_by_label("Reason").press("Enter")
    expect(page.locator("#status-says")).to_contain_text("no new deployments of this version")
    page.reload()  # to clear the message
    assert faults(page) == []


def test_the_page_of_a_set_follows_a_fetch(page: Page, web: Web, shop: TemplateSource) -> None:
    page.goto(url(web, "template_set", shop.pk))
    expect(page.locator("#versions tbody tr")).to_have_count(2)

    fetch = TemplateFetch.objects.create(source=shop, active_key=shop.pk, trigger="button", state="running")
    expect(page.get_by_text("Fetching")).to_be_visible()
    TemplateFetch.objects.filter(pk=fetch.pk).update(active_key=None, state="succeeded", added=1)
    expect(page.get_by_text("Fetching")).to_have_count(0)


def test_the_form_shows_only_the_fields_of_the_chosen_kind(
    page: Page, web: Web, shop: TemplateSource
) -> None:
    page.goto(url(web, "template_set_new"))
    key = page.get_by_label("SSH private key")
    expect(key).to_be_visible()

    page.get_by_label("Source").select_option("folder")
    expect(key).to_be_hidden()
    expect(page.get_by_label("Address")).to_be_visible()
    page.get_by_label("Source").select_option("archive")
    expect(page.get_by_label("Address")).to_be_hidden()
    assert faults(page) == []
    page.get_by_label("Source").select_option("git")
    expect(key).to_be_visible()
