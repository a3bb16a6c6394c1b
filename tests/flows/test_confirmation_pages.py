"""Accessibility of confirmation pages: cancel, continue a rollback, delete again, force the deletion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment, make_stack, make_user
from tests.flows.addresses import url
from tests.flows.conftest import WIDE
from tests.flows.test_pages import faults
from tests.flows.web import Web, logged_in
from tests.previews import make_preview
from tests.recovery.pages.test_recovery import make

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def boss(transactional_db: None) -> User:
    return make_user("boss", is_superuser=True)


@pytest.fixture
def page(chromium: Browser, web: Web, boss: User) -> Iterator[Page]:
    """A tab in which a superuser is logged in."""
    with logged_in(chromium, boss, web.url, viewport=WIDE) as context:
        yield context.new_page()


def under_way(name: str, **values: Any) -> Deployment:
    """Return an active deployment whose root stack is in progress."""
    environment = make_environment(name, stack_id=f"arn:{name}", stack_status="UPDATE_IN_PROGRESS")
    kind, state = values.pop("kind", "create"), values.pop("state", "stacks")
    deployment = make_deployment(environment, kind=kind, state=state, last_phase=state, **values)
    status = "CREATE_IN_PROGRESS" if kind == "create" else "UPDATE_IN_PROGRESS"
    make_stack(deployment, status=status)
    return deployment


def test_the_pages_that_cancel_are_accessible(page: Page, web: Web) -> None:
    change = make_environment("change", stack_id="arn:change", stack_status="CREATE_COMPLETE")
    make_deployment(change, state="succeeded")
    known = [
        under_way("early", state="preflight"),
        under_way("creation"),
        under_way("update", kind="update"),
        under_way("waits", state="configuration"),
        under_way("protects", state="protect", protection="wanted"),
        make_preview(change, "traffic"),
    ]
    found, titles = [], set()
    for deployment in known:
        page.goto(url(web, "deployment_cancel", deployment.pk))
        titles.add(page.locator("h1").inner_text())
        found += faults(page)
    assert not found
    assert len(titles) == len(known)


def test_the_pages_that_continue_a_rollback_are_accessible_with_their_errors(page: Page, web: Web) -> None:
    environment = make("UPDATE_ROLLBACK_FAILED")
    page.goto(url(web, "environment_continue", environment.pk))
    found = faults(page)
    page.get_by_label("Skip the selected resources").check()
    for box in page.locator('input[name="resources"]').all():
        box.uncheck()
    page.locator("#continue").click()
    expect(page.locator(".summary")).to_be_visible()
    found += faults(page)
    Environment.objects.filter(pk=environment.pk).update(stuck={})
    page.goto(url(web, "environment_continue", environment.pk))
    found += faults(page)
    assert not found


@pytest.mark.parametrize("mode", ["", "force"])
def test_the_pages_that_delete_again_are_accessible_with_their_errors(
    page: Page, web: Web, mode: str
) -> None:
    environment = make("DELETE_FAILED")
    page.goto(url(web, "environment_delete_again", environment.pk))
    found = faults(page)
    page.locator('input[name="typed_name"]').fill("another")
    if mode:
        page.locator("#force summary").click()
    page.locator("#force-delete" if mode else "#delete-again").click()
    expect(page.locator(".summary")).to_be_visible()
    found += faults(page)
    page.goto(url(web, "environment", environment.pk))
    found += faults(page)
    assert not found
