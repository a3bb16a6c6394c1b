"""An operator scales an environment's app tier in the browser: preview, apply, and ready again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.stacks import Resource
from tests.flows.deployed import PACE
from tests.flows.web import submit
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
GROUP = "AWS::AutoScaling::AutoScalingGroup"


def instances_of(deployment: Deployment, sandbox: Sandbox) -> dict[str, set[str]]:
    """Map the name of each Auto Scaling group to its instances in service."""
    autoscaling = client(deployment.environment.account, "autoscaling", sandbox)
    return {
        group["AutoScalingGroupName"]: {
            one["InstanceId"] for one in group["Instances"] if one["LifecycleState"] == "InService"
        }
        for group in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    }


def test_the_app_tier_is_scaled_without_replacing_a_server(
    own_page: Page, portal: Portal, sandbox: Sandbox
) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": PACE}, account=account.sandbox_account_id)
    (created,) = portal.wait_for_end(
        portal.deploy("shop", account, AppServerCount="2", DeletionProtection="false"), seconds=3 * LIMIT
    )
    assert created.state == State.SUCCEEDED, reason(created)
    before = instances_of(created, sandbox)

    own_page.goto(created.environment.get_absolute_url())
    own_page.get_by_role("link", name="Change…").click()
    count = own_page.locator("#id_parameter_AppServerCount")
    expect(count).to_have_value("2")
    expect(own_page.locator("#id_parameter_VpcCidr")).to_be_disabled()
    count.fill("3")
    expect(own_page.get_by_role("button", name="Reset to 2")).to_be_visible()
    own_page.get_by_label("Reason").fill("more load")
    own_page.get_by_role("button", name="Preview change").click()
    expect(own_page.locator("#apply-change")).to_be_visible(timeout=LIMIT * 1000)
    preview = Deployment.objects.for_page().get(kind="update")
    assert {one["path"] for one in preview.changes["resources"] if one.get("type") == GROUP}
    assert not [one for one in preview.changes["resources"] if one.get("action") == "replace"]
    submit(own_page.locator("#apply-change"))
    (ended,) = portal.wait_for_end(preview, seconds=3 * LIMIT)

    assert ended.state == State.SUCCEEDED, reason(ended)
    expect(own_page.get_by_role("heading", name="shop updated")).to_be_visible(timeout=LIMIT * 1000)
    after = instances_of(ended, sandbox)
    grown = [name for name in after if len(after[name]) == len(before[name]) + 1]
    assert len(grown) == 1
    assert all(before[name] <= after[name] for name in before)  # no instance was replaced
    changed = Resource.objects.filter(stack__deployment=ended, type=GROUP)
    assert {row.status for row in changed} == {"UPDATE_COMPLETE"}
