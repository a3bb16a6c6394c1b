"""Pages without a stream poll; pages report a logout and lost permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, Response, Route, expect

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Stack
from tests.builders import disallow
from tests.flows.test_live_page import has_everything
from tests.flows.web import Web, Wire, environment_of_processes, logged_in, start_web
from tests.live import scenes, stream_clients
from tests.services import wait_until

pytestmark = pytest.mark.timeout(300)
POLLING = re.compile(r"^Updated \d+ s ago \(polling\)")
LIVE = re.compile(r"^Updated \d+ s ago(?! \(polling\))")


@pytest.fixture(scope="module")
def narrow_web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process with a limit of one stream."""
    one = {"SANSO_STREAMS_PER_PROCESS": "1"}
    server = start_web(tmp_path_factory.mktemp("web"), environment_of_processes() | one)
    yield server
    server.stop()


@pytest.fixture
def deployment(operator: User) -> Deployment:
    running = scenes.running(user=operator)
    record_step(running)
    return running


def record_step(deployment: Deployment) -> None:
    """Record that a worker has just run a step."""
    now = timezone.now()
    Deployment.objects.filter(pk=deployment.pk).update(polled_at=now, ticked_at=now)


@contextmanager
def stream_of_another_user(web: Web, deployment: Deployment) -> Iterator[None]:
    """Open a stream of another user."""
    cookies = stream_clients.logged_in(scenes.make_user())
    with httpx.stream("GET", stream_clients.address(web, deployment), cookies=cookies, timeout=30) as answer:
        assert answer.status_code == 200
        messages = answer.iter_raw()  # dropping the iterator would close the connection
        assert next(messages)
        yield


def test_a_page_without_a_stream_polls_until_it_gets_one(
    chromium: Browser, narrow_web: Web, operator: User, deployment: Deployment
) -> None:
    answers: list[Response] = []
    with logged_in(chromium, operator, narrow_web.url) as context:
        page = context.new_page()
        page.clock.install()
        page.on("response", lambda answer: answers.append(answer))
        with stream_of_another_user(narrow_web, deployment):
            page.goto(stream_clients.address(narrow_web, deployment, ""))
            expect(page.locator("#fresh")).to_have_text(POLLING)
            expect(page.locator("#lost")).to_be_hidden()
            assert [answer.status for answer in streams_of(answers)] == [429]
            happen(deployment, "Network1")
            wait_until(lambda: has_everything(page, deployment))
        record_step(deployment)
        page.clock.fast_forward(40_000)  # the page retries about every 30 s
        expect(page.locator("#fresh")).to_have_text(LIVE)
        assert streams_of(answers)[-1].status == 200
        happen(deployment, "Network2")
        wait_until(lambda: has_everything(page, deployment))


def streams_of(answers: list[Response]) -> list[Response]:
    return [answer for answer in answers if "/stream?" in answer.url]


def happen(deployment: Deployment, name: str) -> None:
    stack = Stack.objects.get(deployment=deployment, path="Network")
    scenes.add_events(deployment, scenes.event(stack, name, "UPDATE_COMPLETE"))


def test_a_page_whose_polling_fails_reports_a_lost_connection(
    page: Page, web: Web, deployment: Deployment
) -> None:
    page.route("**/stream?*", lambda route: route.fulfill(status=502, body="no server behind the proxy"))
    page.route("**/updates?*", lambda route: route.fulfill(status=502, body="no server behind the proxy"))
    page.goto(stream_clients.address(web, deployment, ""))
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost [data-text]")).to_contain_text("Retrying in")
    expect(page.locator("#fresh")).not_to_contain_text("polling")
    page.unroute("**/*?*")
    page.unroute("**/stream?*")
    page.unroute("**/updates?*")
    expect(page.locator("#lost")).to_be_hidden()


def test_a_page_reports_a_logout_in_another_browser(page: Page, web: Web, deployment: Deployment) -> None:
    page.goto(stream_clients.address(web, deployment, ""))
    wait_until(lambda: has_everything(page, deployment))
    (session,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]

    stream_clients.log_out(web, {"sessionid": session["value"]})

    expect(page.locator("#logged-out")).to_contain_text("You have been logged out.")
    expect(page.locator("#lost")).to_be_hidden()
    page.get_by_role("link", name="Log in again").click()
    expect(page).to_have_url(re.compile("/login/"))


def test_a_page_reports_a_lost_permission_and_is_updated_further(
    page: Page, web: Web, deployment: Deployment, operator: User
) -> None:
    page.goto(stream_clients.address(web, deployment, ""))
    wait_until(lambda: has_everything(page, deployment))
    with page.expect_response("**/stream?*") as reopened:
        remove_permission_to_deploy(operator)
        expect(page.locator("#permissions-changed")).to_be_visible()
    assert reopened.value.status == 200
    happen(deployment, "Network1")
    wait_until(lambda: has_everything(page, deployment))
    page.get_by_role("link", name="Reload").click()
    expect(page.locator("#permissions-changed")).to_be_hidden()
    expect(page.locator("#deployment.may-deploy")).to_have_count(0)


def test_a_page_reports_a_permission_that_was_lost_before_its_stream_opened(
    page: Page, web: Web, deployment: Deployment, operator: User
) -> None:
    streams: list[str] = []

    def remove_permission_first(route: Route) -> None:
        if not streams:
            remove_permission_to_deploy(operator)
        streams.append(route.request.url)
        route.continue_()

    page.route("**/stream?*", remove_permission_first)
    page.goto(stream_clients.address(web, deployment, ""))
    expect(page.locator("#permissions-changed")).to_be_visible()
    happen(deployment, "Network1")
    wait_until(lambda: has_everything(page, deployment))
    expect(page.locator("#fresh")).to_have_text(LIVE)
    assert len(streams) == 2  # the second one stays open


def test_a_page_reports_a_permission_that_was_lost_while_it_was_disconnected(
    chromium: Browser, web: Web, deployment: Deployment, operator: User
) -> None:
    wire = Wire(web.port)
    with logged_in(chromium, operator, wire.url) as context:
        page = context.new_page()
        page.goto(stream_clients.address(wire, deployment, ""))
        expect(page.locator("#fresh")).to_have_text(LIVE)
        wire.cut()
        expect(page.locator("#lost")).to_be_visible()
        remove_permission_to_deploy(operator)
        wire.restore()
        expect(page.locator("#permissions-changed")).to_be_visible()
        expect(page.locator("#lost")).to_be_hidden()
        happen(deployment, "Network1")
        wait_until(lambda: has_everything(page, deployment))


def test_a_polling_page_reports_a_lost_permission(
    chromium: Browser, narrow_web: Web, operator: User, deployment: Deployment
) -> None:
    with (
        logged_in(chromium, operator, narrow_web.url) as context,
        stream_of_another_user(narrow_web, deployment),
    ):
        page = context.new_page()
        page.goto(stream_clients.address(narrow_web, deployment, ""))
        expect(page.locator("#fresh")).to_have_text(POLLING)
        expect(page.locator("#permissions-changed")).to_be_hidden()
        remove_permission_to_deploy(operator)
        expect(page.locator("#permissions-changed")).to_be_visible()
        happen(deployment, "Network1")
        wait_until(lambda: has_everything(page, deployment))


def remove_permission_to_deploy(user: User) -> None:
    disallow(user, "add_deployment")
