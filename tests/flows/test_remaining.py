"""Remaining resources are listed before a deletion, found after it, and deleted on request.

Deletion protection is turned on last, so that a failed creation is rolled back completely.

Everything except AWS is real: the worker, the dispatcher, the web process, Chromium and the sandbox.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deployments.cloudformation.remaining import Reason
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.remaining import remaining_of
from tests.flows.environment_menu import choose
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.flows.test_pages import faults
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = pytest.mark.timeout(400)
TEMPLATE_SET = Path(__file__).parent / "leaving_set"
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]
SOON = LIMIT * 1000


def ended(portal: Portal, deployment: Deployment) -> Deployment:
    (found,) = portal.wait_for_end(deployment, seconds=3 * LIMIT)
    return found


def clusters(deployment: Deployment, sandbox: Sandbox) -> list[dict[str, Any]]:
    rds = client(deployment.environment.account, "rds", sandbox)
    found: list[dict[str, Any]] = rds.describe_db_clusters()["DBClusters"]
    return found


def snapshots(deployment: Deployment, sandbox: Sandbox) -> list[str]:
    rds = client(deployment.environment.account, "rds", sandbox)
    return [
        row["DBClusterSnapshotIdentifier"]
        for row in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    ]


def a_snapshot_is_taken(page: Page, deployment: Deployment) -> str:
    """Take a snapshot on the page of the database; return its name."""
    page.goto(f"{deployment.environment.get_absolute_url()}database")
    page.get_by_role("button", name="Take snapshot").click()
    row = page.locator("#backups tbody tr").filter(has_text="Taken in Sanso")
    expect(row).to_contain_text("Available", timeout=SOON)
    expect(page.locator("#backups")).to_contain_text("is available.", timeout=SOON)
    return row.locator("th").inner_text().split()[0]


def test_remaining_resources_are_announced_before_found_after_and_deleted_on_request(
    portal: Portal, sandbox: Sandbox, own_page: Page
) -> None:
    deployment = ended(portal, portal.deploy(account=new_account()))
    assert (deployment.state, deployment.protection) == ("succeeded", "on"), reason(deployment)
    assert [row["DeletionProtection"] for row in clusters(deployment, sandbox)] == [True]

    own_page.goto(f"{deployment.environment.get_absolute_url()}configuration")
    expect(own_page.locator("#protection")).to_contain_text("Protected", timeout=SOON)
    assert faults(own_page) == []
    taken = a_snapshot_is_taken(own_page, deployment)
    assert faults(own_page) == []
    choose(own_page, "delete")
    assert own_page.evaluate(
        "document.querySelector('form.card').compareDocumentPosition(document.querySelector('table')) & 4"
    )
    staying = own_page.get_by_role("region", name="What will remain")
    expect(staying.get_by_role("row", name="DBClusterSnapshot")).to_contain_text(["Billed"] * 2)
    expect(staying.get_by_role("row", name=taken)).to_contain_text("It stays until somebody deletes it.")
    expect(staying.get_by_role("row", name="AWS::SQS::Queue")).to_contain_text("Not billed")
    assert faults(own_page) == []
    own_page.get_by_label("Type the environment name").fill("staging")
    own_page.get_by_role("button", name="Delete environment").click()
    expect(own_page.get_by_role("alert")).to_contain_text("Deletion protection is on")
    own_page.get_by_label("Turn off deletion protection first").check()
    own_page.get_by_role("button", name="Delete environment").click()

    own_page.wait_for_url(re.compile(r"/deployments/\d+/"))
    expect(own_page.locator("#banner")).to_contain_text("staging is deleted", timeout=3 * SOON)
    found = own_page.locator("#remaining")
    expect(found).to_contain_text("4 resources remain in AWS and 3 are billed.", timeout=SOON)
    expect(found.get_by_role("row", name="DBClusterSnapshot")).to_contain_text(["Billed"] * 2)
    assert len(snapshots(deployment, sandbox)) == 2
    expect(found.get_by_role("row", name=taken)).to_contain_text("Snapshot of the database.")
    assert faults(own_page) == []

    found.get_by_role("link", name="Select resources to delete…").click()
    assert faults(own_page) == []
    own_page.get_by_role("button", name="Delete selected resources").click()
    expect(own_page.get_by_role("alert")).to_contain_text("Select at least one resource")
    for box in own_page.get_by_role("checkbox", name="snapshot").all():
        box.check()
    own_page.get_by_label("Type the environment name").fill("staging")
    own_page.get_by_role("button", name="Delete selected resources").click()
    expect(own_page.locator("#remaining")).to_contain_text("2 resources remain in AWS", timeout=SOON)
    assert snapshots(deployment, sandbox) == []


def test_a_creation_that_fails_is_rolled_back_whole_with_the_defaults(
    portal: Portal, sandbox: Sandbox, own_page: Page
) -> None:
    account = new_account()
    fault = {"resources": {"Last": "Invalid queue."}}
    sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)

    failed = ended(portal, portal.deploy(account=account))

    assert failed.state == "rolled_back"
    assert failed.parameters["DeletionProtection"] == "true"
    assert clusters(failed, sandbox) == []
    wait_until(lambda: remaining_of(_fresh(failed)).searched_at is not None, what="the search")
    assert {one.reason for one in remaining_of(_fresh(failed)).resources} <= {
        Reason.ARTIFACTS,
        Reason.SNAPSHOT,
        Reason.RETAINED,
    }
    own_page.goto(failed.get_absolute_url())
    expect(own_page.locator("#remaining")).to_contain_text("in AWS")


def _fresh(deployment: Deployment) -> Deployment:
    return Deployment.objects.for_page().get(pk=deployment.pk)


def test_protection_that_failed_is_retried_from_the_page(
    portal: Portal, sandbox: Sandbox, own_page: Page
) -> None:
    account = new_account()
    portal.faults(
        account, {"service": "cloudformation", "action": "UpdateStack", "mode": "denied", "count": 1}
    )
    deployment = ended(portal, portal.deploy(account=account))
    assert (deployment.state, deployment.protection) == ("succeeded", "failed")

    own_page.goto(deployment.get_absolute_url())
    expect(own_page.locator("#banner")).to_contain_text("Not protected")
    expect(own_page.locator("#phases").get_by_role("listitem").filter(has_text="Protect")).to_contain_text(
        "Failed"
    )
    own_page.locator("#banner").get_by_role("link", name="Retry").click()
    protection = own_page.locator("#protection")
    expect(protection).to_contain_text("UpdateStack")
    assert faults(own_page) == []
    protection.get_by_role("button", name="Retry").click()

    expect(protection.get_by_role("button", name="Retry")).to_have_count(0, timeout=SOON)
    expect(protection).to_contain_text("Protected", timeout=2 * SOON)
    assert [row["DeletionProtection"] for row in clusters(deployment, sandbox)] == [True]
