"""Resources kept after a failure: a creation is fixed and retried, and an operator rolls back an update."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Resource
from tests.flows.deployed import PACE
from tests.flows.test_change_environment import instances_of
from tests.flows.test_pages import faults
from tests.flows.web import submit
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import LIMIT, Sandbox

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(1200)]
SOON = LIMIT * 1000
FORMER_VERSION, VERSION = "8.0.mysql_aurora.3.10.0", "8.0.mysql_aurora.3.10.6"


@pytest.fixture
def account(portal: Portal, sandbox: Sandbox) -> Account:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=account.sandbox_account_id)
    return account


def newest(kind: Kind) -> Deployment:
    return Deployment.objects.for_page().filter(kind=kind.value).latest("pk")


def test_a_creation_that_was_kept_is_fixed_and_retried_until_it_is_ready(
    own_page: Page, portal: Portal, account: Account, sandbox: Sandbox
) -> None:
    refused = {
        "DbCluster": f"Cannot find version {FORMER_VERSION} for aurora-mysql (Service: Rds, Status Code: 400)"
    }
    sandbox.control("POST", "faults", {"resources": refused}, account=account.sandbox_account_id)
    own_page.goto("/environments/new")
    own_page.locator("#id_name").fill("shop")
    own_page.locator("#id_account").select_option(str(account.pk))
    own_page.get_by_role("heading", name="Failure, time and approval").click()
    own_page.get_by_label("Keep what was created, so that it can be fixed").check()
    own_page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    own_page.locator("#id_parameter_EngineVersion").fill(FORMER_VERSION)
    own_page.locator("#id_parameter_DeletionProtection").select_option("false")
    own_page.get_by_role("button", name="Deploy").click()
    expect(own_page.get_by_role("link", name="Retry from here…")).to_be_visible(timeout=3 * SOON)
    (created,) = portal.wait_for_end(newest(Kind.CREATE), seconds=3 * LIMIT)
    assert (created.state, created.environment.stack_status) == (State.FAILED, "CREATE_FAILED")
    expect(own_page.locator("#kept")).to_contain_text("Nothing was rolled back")
    expect(own_page.locator("#kept")).to_contain_text("Servers are not configured")
    expect(own_page.locator("#remains")).to_contain_text("billed")
    assert not faults(own_page)

    own_page.goto(created.environment.get_absolute_url())
    expect(own_page.locator("#cause").get_by_role("link", name="Roll back…")).to_be_visible()
    own_page.locator("#cause").get_by_role("link", name="Roll back…").click()
    expect(own_page.locator("#consequence")).to_contain_text("deletes everything that was created")
    assert not faults(own_page)
    own_page.go_back()
    own_page.locator("#cause").get_by_role("link", name="Retry from here…").click()
    version = own_page.locator("#id_parameter_EngineVersion")
    expect(version).to_have_value(FORMER_VERSION)
    expect(own_page.locator("#retry")).to_contain_text(f"deployment {created.pk}")
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    version.fill(VERSION)
    own_page.get_by_role("button", name="Preview change").click()
    expect(own_page.locator("#apply-change")).to_be_visible(timeout=SOON)
    expect(own_page.locator("#kept-again")).to_be_visible()
    expect(own_page.locator("#release")).to_contain_text("There are no servers yet.")
    assert not faults(own_page)
    submit(own_page.locator("#apply-change"))
    (retried,) = portal.wait_for_end(newest(Kind.UPDATE), seconds=6 * LIMIT)

    assert (retried.state, reason(retried)) == (State.SUCCEEDED, "")
    assert retried.ready_at
    assert retried.environment.stack_status == "UPDATE_COMPLETE"
    expect(own_page.get_by_role("heading", name="shop created")).to_be_visible(timeout=SOON)
    assert Environment.objects.get(name="shop").parameters["EngineVersion"] == VERSION


def test_an_update_that_was_kept_is_rolled_back_by_the_operator(
    own_page: Page, portal: Portal, account: Account, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(
        portal.deploy("shop", account, AppServerCount="2", DeletionProtection="false"), seconds=3 * LIMIT
    )
    assert created.state == State.SUCCEEDED, reason(created)
    before = instances_of(created, sandbox)
    broken = {"update:AutoScalingGroup": "The limit of instances is reached."}
    sandbox.control("POST", "faults", {"resources": broken}, account=account.sandbox_account_id)

    own_page.goto(created.environment.get_absolute_url())
    own_page.get_by_role("link", name="Change…").click()
    own_page.locator("#id_parameter_AppServerCount").fill("3")
    own_page.get_by_role("button", name="Preview change").click()
    expect(own_page.locator("#apply-change")).to_be_visible(timeout=SOON)
    own_page.get_by_label("Keep what was created, so that it can be fixed").check()
    submit(own_page.locator("#apply-change"))
    (failed,) = portal.wait_for_end(newest(Kind.UPDATE), seconds=3 * LIMIT)
    assert (failed.state, failed.environment.stack_status) == (State.FAILED, "UPDATE_FAILED")
    touched = Resource.objects.touched_in(failed)
    assert {row.path for row in touched if row.type != STACK_TYPE} == {"AppServers/AutoScalingGroup"}
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)
    expect(own_page.get_by_role("link", name="Roll back…")).to_be_visible(timeout=SOON)
    expect(own_page.locator("#kept")).to_contain_text("The environment is partly updated.")
    assert not faults(own_page)

    own_page.locator("#cause").get_by_role("link", name="Roll back…").click()
    expect(own_page.locator("#consequence")).to_contain_text(f"that of deployment {created.pk}")
    own_page.get_by_label("Reason").fill("needed today")
    submit(own_page.locator("#roll-back"))
    (ended,) = portal.wait_for_end(newest(Kind.ROLLBACK_UPDATE), seconds=3 * LIMIT)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert (ended.base_id, ended.rolls_back_to_id) == (failed.pk, created.pk)
    heading = own_page.get_by_role("heading", name="shop is rolled back to its last complete state")
    expect(heading).to_be_visible(timeout=SOON)
    assert not faults(own_page)
    assert instances_of(ended, sandbox) == before
    assert Event.objects.of(ended).filter(code="kept.rollback_started").count() == 1
    environment = Environment.objects.get(name="shop")
    assert environment.parameters["AppServerCount"] == "2"
    own_page.goto(f"{environment.get_absolute_url()}history")
    expect(own_page.get_by_role("link", name=f"Roll back update {ended.pk}")).to_be_visible()
