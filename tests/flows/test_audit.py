"""Audit records in a real browser: lock an environment, then filter, read and export the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from deployments.access.models.audit_records import AuditRecord
from deployments.audit.steps import chain
from deployments.environments.models.environments import Environment
from tests.builders import allow, make_user
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in

pytestmark = pytest.mark.timeout(300)


def test_a_request_is_found_read_and_exported_by_an_auditor(
    page: Page, chromium: Browser, web: Web, environment: Environment
) -> None:
    page.goto(url(web, "environment_lock", environment.pk))
    page.get_by_label("Reason").fill("load test")
    page.get_by_role("button", name="Lock environment").click()
    expect(page.locator("#lock")).to_contain_text("load test")
    page.goto(url(web, "audit_own"))
    expect(page.locator("#records tbody tr").first).to_contain_text("Lock environment")
    assert not faults(page)
    chain.chain_all()

    auditor = allow(make_user("ayumi"), "view_auditrecord")
    with logged_in(chromium, auditor, web.url) as context:
        page = context.new_page()
        page.goto(url(web, "environment_history", environment.pk))
        page.locator("#audit-records").click()
        page.locator("#filter-action > summary").click()
        page.get_by_role("link", name="Lock environment", exact=True).first.click()
        expect(page.locator("#records tbody tr")).to_have_count(1)
        page.locator("#records").get_by_role("link", name="ana", exact=True).press("Enter")
        expect(page.locator(".set-filters")).to_contain_text("Person: ana")
        page.locator("#filter-days > summary").click()
        page.get_by_label("From (day)").fill("2020-01-31")
        assert not faults(page)
        page.locator("#filter-days").get_by_role("button", name="Filter").click()
        expect(page.locator(".set-filters")).to_contain_text("From (day): 2020-01-31")
        assert "person=ana" in page.url
        assert not faults(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Export as JSON").click()
        (exported,) = json.loads(Path(str(download.value.path())).read_text())
        assert (exported["username"], exported["reason"]) == ("ana", "load test")

        page.locator("#records tbody a").first.press("Enter")
        expect(page.get_by_role("heading", name="Lock environment")).to_be_visible()
        expect(page.locator("#changes ins")).to_contain_text("ana")
        expect(page.locator("#chain")).to_contain_text(exported["hash"])
        assert not faults(page)

    assert AuditRecord.objects.latest("pk").action == "export_audit"
