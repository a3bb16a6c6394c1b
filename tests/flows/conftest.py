"""A browser, a web process, an operator and environments for tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.browsers import Chromium
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_operator,
    make_resource,
    make_stack,
    make_user,
)
from tests.flows.addresses import OUTPUTS
from tests.flows.deployed import GRACE, PACE, Deployed
from tests.flows.web import Web, environment_of_processes, logged_in, start_web
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import LIMIT, Redis, Sandbox

expect.set_options(timeout=LIMIT * 1000)
WIDE = ViewportSize(width=1440, height=900)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright, of which only one instance can run at a time.

    It runs an event loop in this thread, so Django considers it asynchronous; tests may write rows anyway.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as started:
            yield started


@pytest.fixture(scope="package")
def shared_chromium(playwright: Playwright) -> Iterator[Chromium]:
    """One browser for all flows."""
    shared = Chromium(playwright)
    yield shared
    shared.close()


@pytest.fixture
def chromium(shared_chromium: Chromium) -> Browser:
    """The browser of all flows, a new one if it has ended; `logged_in` gives each test its own profile."""
    return shared_chromium.browser


@pytest.fixture(scope="package")
def shared_web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One web process for all flows."""
    server = start_web(tmp_path_factory.mktemp("web"), environment_of_processes())
    yield server
    server.stop()


@pytest.fixture
def web(shared_web: Web) -> Web:
    """A web process on the tests' database, restarted if an earlier test has stopped it."""
    if not shared_web.is_running():
        shared_web.start()
    return shared_web


@pytest.fixture
def operator(transactional_db: None) -> User:
    return make_operator("ana")


@pytest.fixture
def account(operator: User) -> Account:
    return make_account(
        "sandbox", is_sandbox=True, sandbox_facts={"database": "embedded", "machines": "records"}
    )


@pytest.fixture
def environment(account: Account, operator: User) -> Environment:
    """A deployed environment with stacks, outputs and parameters."""
    staging = make_environment(
        "staging",
        account=account,
        owner=operator,
        stack_id="arn:stack",
        stack_status="CREATE_COMPLETE",
        outputs=OUTPUTS,
        parameters={"WebInstanceType": "t4g.micro", "Certificate": ""},
    )
    deployment = make_deployment(
        staging, state="succeeded", requested_by=operator, reason="for the load test"
    )
    root = make_stack(deployment, status="CREATE_COMPLETE", started_at=timezone.now() - timedelta(minutes=8))
    network = make_stack(deployment, "Network", root, status="CREATE_FAILED", reason="No room.")
    make_resource(network, "Vpc", type="AWS::EC2::VPC")
    return staging


@pytest.fixture
def page(chromium: Browser, web: Web, operator: User) -> Iterator[Page]:
    """A tab in which the operator is logged in."""
    with logged_in(chromium, operator, web.url, viewport=WIDE) as context:
        yield context.new_page()


@pytest.fixture
def portal(
    process_environment: dict[str, str], sandbox: Sandbox, redis_server: Redis, tmp_path: Path
) -> Iterator[Portal]:
    """A worker and a dispatcher with the bundled template set, which counts as checked.

    cfn-lint would run on it in each new database; test_first_environment.py has a worker that runs it.
    """
    digest = template_files.load(settings.SANSO_TEMPLATE_SET).digest
    TemplateCheck.objects.get_or_create(digest=digest, defaults={"findings": []})
    running = Portal(process_environment | {"SANSO_DATA_DIR": str(tmp_path / "data")}, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def portal_web(portal: Portal, tmp_path: Path) -> Iterator[Web]:
    """A web process that uses the worker's database."""
    server = start_web(tmp_path / "web", portal.environment)
    yield server
    server.stop()


@pytest.fixture
def own_page(chromium: Browser, portal: Portal, portal_web: Web) -> Iterator[Page]:
    """A superuser's tab on the portal's own web process."""
    root = make_user("root", is_staff=True, is_superuser=True)
    with logged_in(chromium, root, portal_web.url, base_url=portal_web.url, viewport=WIDE) as context:
        yield context.new_page()


@pytest.fixture
def requested(portal: Portal) -> Deployment:
    """A requested deployment, with a grace period in which unhealthy servers are not replaced."""
    return portal.deploy(account=new_account(), ConfigurationTimeoutSeconds=GRACE, AppHealthCheck="http")


@pytest.fixture
def deployed(portal: Portal, requested: Deployment, own_page: Page) -> Deployed:
    """A ready environment, with its page open."""
    (deployment,) = portal.wait_for_end(requested, seconds=3 * LIMIT)
    assert deployment.state == "succeeded", reason(deployment)
    assert deployment.ready_at
    found = Deployed(own_page, deployment.environment, portal.sandbox)
    found.pace(PACE)
    found.keep_unhealthy_servers()
    own_page.goto(deployment.environment.get_absolute_url())
    found.is_well()
    return found
