"""AWS reports success too early, denies calls, or does not respond: the page explains each case."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from tests.flows.deployed import GRACE, PACE, SOON, Deployed
from tests.running import Portal, client, new_account
from tests.services import Sandbox, wait_until

pytestmark = pytest.mark.timeout(400)
OTHERS = ("associations", "fleet", "database")


def test_the_page_explains_early_denied_and_stale_answers_of_aws(portal: Portal, own_page: Page) -> None:
    """The failures run one after another in one environment; each is displayed and then resolved."""
    deployed = success_of_state_manager_is_not_ready_while_a_target_is_unhealthy(portal, own_page)
    a_denied_source_names_the_missing_permission(deployed)
    a_source_that_times_out_becomes_stale_and_the_others_do_not(deployed)


def success_of_state_manager_is_not_ready_while_a_target_is_unhealthy(
    portal: Portal, own_page: Page
) -> Deployed:
    """Deploy, make a server fail right after its configuration, repair it, and return the environment."""
    account = new_account()
    deployment = portal.deploy(account=account, ConfigurationTimeoutSeconds=GRACE)
    deployed = Deployed(own_page, deployment.environment, portal.sandbox)
    page = own_page.context.new_page()
    page.goto(deployment.get_absolute_url())

    sick = first_configured(account, portal.sandbox)
    deployed.act(sick, "stop-service")
    deployed.pace(PACE)  # with time scale 0, the server would soon be replaced

    wait_until(lambda: state(deployment) == "traffic", what="the phase of targets")
    text = f"app {sick} fails its health check: no connection"
    expect(page.locator("#header")).to_contain_text("Not ready yet.", timeout=SOON)
    expect(page.locator("#header")).to_contain_text(text, timeout=SOON)
    own_page.goto(deployment.environment.get_absolute_url())
    expect(deployed.panel("app")).to_contain_text("2 of 2 succeeded", timeout=SOON)
    expect(deployed.health).to_contain_text("Not ready yet. Waiting for:")
    expect(deployed.health.locator("ul.waits")).to_contain_text(text, timeout=SOON)
    assert state(deployment) == "traffic"

    deployed.act(sick, "start-service")

    expect(page.locator("#banner")).to_contain_text("staging created", timeout=SOON)
    deployed.is_well()
    page.close()
    return deployed


def state(deployment: Deployment) -> str:
    return Deployment.objects.get(pk=deployment.pk).state


def first_configured(account: Account, sandbox: Sandbox) -> str:
    """Wait until State Manager has configured an app server, and return the server's ID."""
    ssm = client(account, "ssm", sandbox)
    found: list[str] = []

    def succeeded() -> bool:
        for one in ssm.list_associations()["Associations"]:
            key = one["AssociationId"]
            if not one.get("AssociationName", "").endswith("-app-servers"):
                continue
            runs = ssm.describe_association_executions(AssociationId=key)["AssociationExecutions"]
            for run in runs:
                targets = ssm.describe_association_execution_targets(
                    AssociationId=key, ExecutionId=run["ExecutionId"]
                )["AssociationExecutionTargets"]
                found.extend(t["ResourceId"] for t in targets if t["Status"] == "Success")
        return bool(found)

    wait_until(succeeded, what="a configured app server")
    return found[0]


def a_denied_source_names_the_missing_permission(deployed: Deployed) -> None:
    denied = {"service": "ssm", "action": "DescribeAssociationExecutions", "mode": "denied", "count": 10_000}

    deployed.fault(api=[denied])
    panel = deployed.panel("web")
    panel.get_by_role(
        "button", name="Run on all instances"
    ).click()  # executions are read only after a change

    trouble = deployed.tab("servers").locator("#trouble-associations")
    expect(trouble).to_contain_text("ssm:DescribeAssociationExecutions", timeout=SOON)
    expect(trouble.get_by_role("button")).to_have_attribute(
        "data-copy", '{"Effect": "Allow", "Action": "ssm:DescribeAssociationExecutions", "Resource": "*"}'
    )
    expect(deployed.tab("servers").locator(".trouble")).to_have_count(1)
    expect(deployed.source("targets")).to_contain_text("updated")

    deployed.no_fault()

    expect(trouble).to_have_count(0, timeout=SOON)


def a_source_that_times_out_becomes_stale_and_the_others_do_not(deployed: Deployed) -> None:
    deployed.fault(api=[{"service": "elbv2", "mode": "hold_before", "count": 10_000}])

    stalled = deployed.source("targets")
    expect(stalled).to_have_text(re.compile(r"^\s*out of date ·\s+updated \d+ (s|min) ago\s*$"), timeout=SOON)
    for name in OTHERS:
        expect(deployed.source(name)).to_have_text(re.compile(r"^\s*updated \d s ago\s*$"))

    deployed.no_fault()

    expect(stalled).to_have_text(re.compile(r"^\s*updated \d s ago\s*$"), timeout=SOON)
