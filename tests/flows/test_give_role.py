"""Giving a role in the browser: people and teams are found while typing; one sentence follows the form."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from deployments.access.models.grants import Grant, Team
from tests.builders import make_grant, make_user
from tests.flows.addresses import url
from tests.flows.test_pages import faults
from tests.flows.web import Web

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def payments(operator: User) -> Team:
    """A team, managed by the person in the browser."""
    make_grant(operator, role="admin")
    make_user("lee", email="lee.payne@example.com")
    return Team.objects.create(name="Payments", key="payments")


def test_a_team_is_found_with_the_keyboard_and_the_sentence_follows_the_form(
    page: Page, web: Web, payments: Team
) -> None:
    page.goto(url(web, "access_give"))
    who = page.get_by_role("combobox", name="User, service account or team")
    effect = page.locator("#grant-effect")
    who.focus()
    page.keyboard.type("pay")
    expect(page.locator("#subject-options").get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowUp")
    assert not faults(page)
    page.keyboard.press("Enter")
    expect(who).to_have_value("team:Payments")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(effect).to_have_text("Each member of the team Payments will be able to view everywhere.")

    label = page.get_by_role("textbox", name="Label")
    expect(label).to_be_hidden()
    page.get_by_label("For", exact=True).select_option("label")
    expect(page.get_by_label("Environment", exact=True)).to_be_hidden()
    label.fill("team=payments")
    page.get_by_label("Role", exact=True).select_option("custom")
    page.get_by_label("Approve changes").check()
    expect(effect).to_contain_text(
        "view and approve changes in every environment with the label team=payments"
    )
    assert not faults(page)

    who.focus()
    page.keyboard.type("x")
    expect(page.get_by_role("listbox").get_by_text("No matching users or teams.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The role is assigned.")).to_be_visible()
    assert Grant.objects.get(team=payments).rights == ["deployments.approve_change"]
