"""The page of a failed creation in a browser: navigation to the first failure, and state kept in the URL."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Resource
from tests.flows.test_pages import faults
from tests.flows.web import Web

FIRST = "#t-Aurora\\.TrialDbCluster"
SLOW_TEXTS = """() => {
  const read = Response.prototype.text, arrival = new Promise((arrive) => { window.arrive = arrive; });
  Response.prototype.text = async function () {
    const text = await read.call(this);
    document.documentElement.dataset.reading = "";
    await arrival;
    return text;
  };
}"""
"""Lets the text of each response arrive when the test says so."""


@pytest.fixture
def deployment(operator: User) -> Deployment:
    found: Deployment = recordings.open_included("failure", operator)
    return found


def test_the_key_and_the_headline_select_the_first_failure_and_back_closes_it(
    deployment: Deployment, page: Page, web: Web
) -> None:
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    for way in ("key", "link"):
        if way == "key":
            page.keyboard.press("f")
        else:
            page.locator("#end-title a").click()
        expect(page.locator(f"{FIRST} .pick")).to_have_attribute("aria-current", "true")
        expect(page.locator(f"{FIRST} .pick")).to_be_focused()
        expect(page.locator("#inspector h2")).to_have_text("TrialDbCluster")
        expect(page).to_have_url(re.compile(r"row=Aurora%2FTrialDbCluster"))

        page.go_back()
        expect(page.locator("#inspector")).to_be_hidden()
        expect(page).not_to_have_url(re.compile("row="))


def test_details_that_arrive_after_back_stay_closed(deployment: Deployment, page: Page, web: Web) -> None:
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    page.evaluate(SLOW_TEXTS)
    page.keyboard.press("f")
    expect(page.locator(f"{FIRST} .pick")).to_have_attribute("aria-current", "true")
    expect(page.locator("html")).to_have_attribute("data-reading", "")

    page.go_back()
    expect(page).not_to_have_url(re.compile("row="))
    page.evaluate("() => window.arrive()")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    expect(page.locator("#inspector")).to_be_hidden()


def test_the_title_is_in_view_whenever_the_page_is_opened(
    deployment: Deployment, page: Page, web: Web
) -> None:
    for _time in range(2):
        page.goto(f"{web.url}/deployments/{deployment.pk}/")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        expect(page.locator("h1")).to_be_in_viewport(ratio=1)
        expect(page.locator("#end-title")).to_be_in_viewport(ratio=1)
        assert page.locator("h1").evaluate(
            "(title) => { const at = title.getBoundingClientRect();"
            " return title.contains(document.elementFromPoint(at.left + 2, at.top + 2)); }"
        )
        page.goto(f"{web.url}/")


def test_the_first_failure_stays_in_view_while_what_is_above_it_grows(
    deployment: Deployment, page: Page, web: Web
) -> None:
    """Texts that are updated may need another line, and resources that remain are found after the end.

    In a window in which it fits below the title of the page, which is never scrolled away.
    """
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    expect(page.locator(FIRST)).to_be_in_viewport(ratio=1)
    grow = "(above, height) => { above.style.paddingBottom = `${height}px`; }"
    for height in (20, 60):
        page.locator("#header").evaluate(grow, height)
        expect(page.locator(FIRST)).to_be_in_viewport(ratio=1)
        expect(page.locator("#end-title")).to_be_in_viewport(ratio=1)

    page.evaluate("scrollTo(0, 0)")  # somebody looks at something else
    expect(page.locator("h1")).to_be_in_viewport()
    page.locator("#header").evaluate(grow, 0)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("scrollY") == 0


def test_the_filters_of_rows_are_in_the_address(deployment: Deployment, page: Page, web: Web) -> None:
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    page.get_by_role("button", name="Canceled 2").click()
    page.get_by_label("Search rows").fill("Servers")
    expect(page).to_have_url(re.compile(r"show=canceled&find=Servers"))

    page.reload()
    expect(page.get_by_role("button", name="Canceled 2")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Search rows")).to_have_value("Servers")


def test_problems_begin_at_the_first_one_and_are_counted(
    deployment: Deployment, page: Page, web: Web
) -> None:
    page.goto(f"{web.url}/deployments/{deployment.pk}/?tab=events")
    page.locator("#switch-problems").click()

    expect(page.locator("#event-count")).to_have_text(re.compile(r"^\d+ of 383$"))
    expect(page.locator("#events tr").first).to_contain_text("TrialDbCluster")
    expect(page.locator("#follow")).to_have_attribute("aria-pressed", "false")


def test_titles_tell_an_environment_from_its_deployment(deployment: Deployment, page: Page, web: Web) -> None:
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    expect(page).to_have_title(f"⟲ Create trial failed · Deployment {deployment.pk} · Sanso")
    page.goto(f"{web.url}/environments/new/")
    expect(page).to_have_url(re.compile(r"/environments/new$"))


def test_the_details_of_the_first_failure_list_what_followed_and_lead_to_the_next_problem(
    deployment: Deployment, page: Page, web: Web
) -> None:
    for resource in Resource.objects.filter(stack__deployment=deployment, stack__path="Network")[:2]:
        resource.status, resource.reason = "DELETE_FAILED", "It is in use."
        resource.changes = [*resource.changes, [resource.changes[-1][0] + 1000, "DELETE_FAILED"]]
        resource.save()
    page.goto(f"{web.url}/deployments/{deployment.pk}/")
    page.keyboard.press("f")

    followed = page.locator("#what-followed li")
    expect(followed.filter(has_text="Aurora failed")).to_have_count(1)
    expect(followed.filter(has_text="2 resources were canceled as a result")).to_have_count(1)
    expect(followed.filter(has_text="CloudFormation began to roll sanso-trial back")).to_have_count(1)
    times = followed.locator("time").evaluate_all("all => all.map((one) => one.dateTime)")
    assert times == sorted(times)
    position = page.locator("#problem-pager [role=status]")
    expect(position).to_have_text(re.compile(r"^Problem \d of 3$"))
    assert faults(page) == []

    title, seen = page.locator("#inspector h2"), ["TrialDbCluster"]
    for _ in range(2):
        page.keyboard.press("n")
        expect(title).not_to_have_text(seen[-1])
        seen.append(title.inner_text())
    assert len(set(seen)) == 3
    page.get_by_role("button", name="Next problem").click()  # wraps from the last to the first
    expect(title).to_have_text(seen[0])
    page.keyboard.press("N")
    expect(title).to_have_text(seen[-1])
    expect(page.locator("#what-followed")).to_have_count(0)
