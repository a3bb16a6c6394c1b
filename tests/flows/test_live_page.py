"""The deployment's page in a real browser, with real web processes on one database."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from deployments.common.redis_fallback import Fallback
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.live import new_events
from deployments.stacks.models.stacks import Resource
from tests.flows.web import Web, Wire, environment_of_processes, logged_in, start_web
from tests.live import scenes
from tests.services import LIMIT, Redis, wait_until

pytestmark = pytest.mark.timeout(300)
NUMBERS = """
  [...document.querySelectorAll('#events [data-seq]')].map((e) => Number(e.dataset.seq)).sort((a, b) => a - b)
"""


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the pause that follows a failed hint in an earlier test."""
    monkeypatch.setattr(new_events, "_redis", Fallback("", "", pause=0.0))


@pytest.fixture(scope="module")
def second_web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    server = start_web(tmp_path_factory.mktemp("second"), environment_of_processes())
    yield server
    server.stop()


@pytest.fixture
def deployment(operator: User) -> Deployment:
    return scenes.make_deployment(user=operator, name="staging")


@pytest.fixture(autouse=True)
def _the_script_has_no_faults(page: Page) -> Iterator[None]:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield
    assert not faults


def url(server: Web | Wire, deployment: Deployment) -> str:
    return f"{server.url}/deployments/{deployment.pk}/"


def has_everything(page: Page, deployment: Deployment) -> bool:
    """Return whether the page displays every event in the database once and in order."""
    return bool(page.evaluate(NUMBERS) == scenes.event_numbers(deployment))


def test_rows_and_events_are_updated_without_a_reload(page: Page, web: Web, deployment: Deployment) -> None:
    page.goto(url(web, deployment))
    page.evaluate("window.stayed = true")
    expect(page.get_by_text("No stacks yet.")).to_be_visible()

    stacks = scenes.add_stacks(deployment, {"Network": 2, "Aurora": 1})
    row = page.locator("#t-Network")
    expect(row).to_contain_text("Pending")
    scenes.add_events(
        deployment,
        scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS"),
        scenes.event(stacks["Network"], "Network1", "CREATE_IN_PROGRESS"),
    )
    expect(row).to_contain_text("In progress")
    expect(page.locator("#t-Network\\.Network1")).to_be_visible()
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"))
    expect(page.locator("#t-Network\\.Network1")).to_contain_text("Succeeded")
    expect(row).to_contain_text("1/2")

    assert page.evaluate("window.stayed")
    wait_until(lambda: has_everything(page, deployment))


def test_the_end_is_displayed_in_title_banner_and_outputs(
    page: Page, web: Web, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 2})
    deployment.advance_progress(3, back=False)  # as a step does
    page.goto(url(web, deployment))
    expect(page).to_have_title(re.compile(r"◐ \d+ % · Create staging · Deployment"))

    scenes.complete_everything(deployment, stacks)
    Environment.objects.filter(pk=deployment.environment_id).update(outputs={"URL": "http://127.0.0.1:9/"})
    deployment.refresh_from_db()
    scenes.finish(deployment, State.SUCCEEDED)

    expect(page.locator("#banner")).to_contain_text("staging created")
    link = page.get_by_role("link", name="Open (opens in a new tab)")
    expect(link).to_have_attribute("href", "http://127.0.0.1:9/")
    expect(page).to_have_title(re.compile(r"✓ Create staging"))
    expect(page.locator("#fresh")).to_have_text("final")
    expect(page.locator("#announcements")).to_contain_text("Deployment succeeded.")


def test_a_cut_connection_causes_no_gap_and_no_duplicate(
    chromium: Browser, web: Web, operator: User, deployment: Deployment
) -> None:
    wire = Wire(web.port)
    stacks = scenes.add_stacks(deployment, {"Network": 5})
    with logged_in(chromium, operator, wire.url) as context:
        page = context.new_page()
        page.goto(url(wire, deployment))
        for number in range(1, 4):
            scenes.add_events(
                deployment, scenes.event(stacks["Network"], f"Network{number}", "CREATE_IN_PROGRESS")
            )
            wire.cut()
            scenes.add_events(
                deployment, scenes.event(stacks["Network"], f"Network{number}", "CREATE_COMPLETE")
            )
            wire.restore()
            wait_until(lambda: has_everything(page, deployment))
            expect(page.locator(f"#t-Network\\.Network{number}")).to_contain_text("Succeeded")
        wire.cut()
        expect(page.locator("#lost")).to_be_visible()
        expect(page.locator("#lost")).to_contain_text("Retrying")
        scenes.add_events(deployment, scenes.event(stacks["Network"], "Network4", "CREATE_COMPLETE"))
        wire.restore()
        expect(page.locator("#lost")).to_be_hidden()
        wait_until(lambda: has_everything(page, deployment))
    wire.cut()


def test_a_page_reconnects_to_a_restarted_web_process_that_stopped_at_once(
    chromium: Browser, operator: User, deployment: Deployment, tmp_path: Path
) -> None:
    web = start_web(tmp_path, environment_of_processes(), graceful=LIMIT)
    with logged_in(chromium, operator, web.url) as context:
        reconnects_and_stops(context.new_page(), web, deployment)
    web.stop()


def reconnects_and_stops(page: Page, web: Web, deployment: Deployment) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 5})
    page.goto(url(web, deployment))
    wait_until(lambda: has_everything(page, deployment))
    page.wait_for_function("performance.getEntriesByType('resource').some((e) => e.name.endsWith('.js'))")

    assert web.stopped_at_once()
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"))
    web.start()

    wait_until(lambda: has_everything(page, deployment))
    web.kill()
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network2", "CREATE_COMPLETE"))
    web.start()
    wait_until(lambda: has_everything(page, deployment))


def test_a_second_tab_on_another_web_process_displays_the_same(
    chromium: Browser, web: Web, second_web: Web, operator: User, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment)
    with logged_in(chromium, operator, web.url, second_web.url) as context:
        pages = [context.new_page(), context.new_page()]
        for page, server in zip(pages, (web, second_web), strict=True):
            page.goto(url(server, deployment))
        writer = threading.Thread(target=scenes.complete_everything, args=(deployment, stacks))
        writer.start()
        writer.join()
        for page in pages:
            page.bring_to_front()
            wait_until(lambda page=page: has_everything(page, deployment))  # type: ignore[misc]
        trees = [
            page.evaluate(
                "[...document.querySelectorAll('#tree tr:not(.phase)')]"
                ".map((row) => row.id + row.cells[1].innerText)"
            )
            for page in pages
        ]
        assert trees[0] == trees[1]
        assert len(trees[0]) == 1 + Resource.objects.filter(stack__deployment=deployment).count()


def test_pages_are_updated_without_redis(
    page: Page, web: Web, deployment: Deployment, redis_server: Redis
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 2})
    page.goto(url(web, deployment))
    redis_server.stop()

    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"))

    wait_until(lambda: has_everything(page, deployment))


def test_500_updates_do_not_move_the_focus(page: Page, web: Web, deployment: Deployment) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 10})
    scenes.add_events(
        deployment,
        scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS"),
        scenes.event(stacks["Network"], "Network3", "CREATE_IN_PROGRESS"),
    )
    page.goto(url(web, deployment))
    button = page.locator("#t-Network\\.Network3 .pick")
    button.focus()
    page.evaluate("window.focusedOnce = document.activeElement")

    for number in range(50):
        words = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
        scenes.add_events(
            deployment,
            *(scenes.event(stacks["Network"], f"Network{i}", words[number % 2]) for i in range(1, 10)),
            scenes.event(stacks["Network"], "", words[number % 2]),
        )

    wait_until(lambda: has_everything(page, deployment))
    assert page.evaluate("document.activeElement === window.focusedOnce")
    expect(button).to_be_visible()


def test_rows_that_a_user_expanded_stay_expanded(page: Page, web: Web, deployment: Deployment) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 2, "Aurora": 2})
    scenes.add_events(deployment, scenes.event(stacks[""], "Network", "CREATE_IN_PROGRESS"))
    page.goto(url(web, deployment))
    fold = page.locator("#t-Network .fold")
    inside = page.locator("#t-Network\\.Network1")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(inside).to_be_visible()

    fold.press("Enter")
    expect(inside).to_be_hidden()
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_IN_PROGRESS"))
    wait_until(lambda: has_everything(page, deployment))
    expect(inside).to_be_hidden()
    page.reload()
    expect(inside).to_be_hidden()
    page.locator("#t-Aurora .fold").click()
    expect(page.locator("#t-Aurora\\.Aurora2")).to_be_visible()


def test_a_link_to_a_stack_or_resource_expands_the_stacks_around_it(
    page: Page, web: Web, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Aurora": 2, "Aurora/Inner": 2})
    page.goto(f"{url(web, deployment)}#s-{stacks['Aurora/Inner'].pk}")  # as on the environment's page
    expect(page.locator("#t-Aurora\\.Inner .fold")).to_be_focused()

    page.goto(f"{url(web, deployment)}#t-Aurora.Inner.Inner2")
    expect(page.locator("#t-Aurora\\.Inner\\.Inner2")).to_be_visible()


def test_the_banner_leads_to_the_row_that_failed(page: Page, web: Web, deployment: Deployment) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 3})
    page.goto(url(web, deployment))
    expect(page.locator("#first-failure")).to_be_hidden()

    scenes.add_events(
        deployment,
        scenes.event(stacks["Network"], "Network2", "CREATE_FAILED", reason="Quota exceeded"),
        scenes.event(stacks["Network"], "Network3", "CREATE_FAILED", reason="Resource creation cancelled"),
    )
    page.locator("#end-title").get_by_role("link", name="Network2").click()
    expect(page.locator("#t-Network\\.Network2 :focus")).to_have_count(1)
    page.keyboard.press("e")
    expect(page.locator("#first-failure")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator("#events tr:visible")).to_have_count(1)


def test_a_hidden_tab_closes_its_stream_and_catches_up_later(
    page: Page, web: Web, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 3})
    page.goto(url(web, deployment))
    wait_until(lambda: has_everything(page, deployment))
    with page.expect_event("requestfailed", lambda request: "/stream" in request.url):
        hide(page, True)
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network1", "CREATE_COMPLETE"))
    scenes.add_events(deployment, scenes.event(stacks["Network"], "Network2", "CREATE_COMPLETE"))
    hide(page, False)

    wait_until(lambda: has_everything(page, deployment))


def hide(page: Page, hidden: bool) -> None:
    state = "hidden" if hidden else "visible"
    page.evaluate(
        f"Object.defineProperty(document, 'visibilityState', {{value: '{state}', configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def test_a_page_reports_a_logout(page: Page, web: Web, deployment: Deployment) -> None:
    page.goto(url(web, deployment))
    wait_until(lambda: has_everything(page, deployment))
    page.context.clear_cookies()

    web.restart()

    expect(page.get_by_role("link", name="Log in again")).to_be_visible()


def test_without_javascript_the_page_displays_everything_and_a_reload_link(
    chromium: Browser, web: Web, operator: User, deployment: Deployment
) -> None:
    stacks = scenes.add_stacks(deployment, {"Network": 2})
    scenes.complete_everything(deployment, stacks)
    with logged_in(chromium, operator, web.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(url(web, deployment))
        expect(page.get_by_role("link", name="Reload")).to_be_visible()
        expect(page.locator("#t-Network\\.Network2")).to_be_visible()
        page.get_by_role("link", name="Events").click()
        expect(page.locator("#events > tr").last).to_be_visible()
        assert has_everything(page, deployment)
        expect(page.get_by_role("button", name="Follow")).to_be_hidden()
