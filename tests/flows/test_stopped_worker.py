"""A worker that is stopped in the middle of a creation: the page reports it, and marks nothing as slow."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.sync_api import Page, expect

from deployments.stacks.models.stacks import Resource
from tests.flows.small_set import portal, portal_web, shared_portal, template_folder
from tests.running import Portal, new_account
from tests.services import Sandbox, wait_until

__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]
pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(400)]
TEMPLATES = {
    "root.yaml": """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue}
"""
}
AS_ON_AWS = 1.0
"""A time scale with which the queue takes a few seconds, less than the page waits for a worker."""


def test_a_stopped_worker_is_reported_and_nothing_is_called_slow(
    portal: Portal, own_page: Page, sandbox: Sandbox
) -> None:
    account = new_account()
    sandbox.control("POST", "pace", {"pace": AS_ON_AWS}, account=account.sandbox_account_id)
    deployment = portal.deploy(account=account)
    rows = Resource.objects.of_deployment(deployment)
    wait_until(lambda: rows.filter(status="CREATE_IN_PROGRESS").exists(), what="a creation in progress")
    assert portal.worker.process
    os.kill(portal.worker.process.pid, signal.SIGSTOP)
    own_page.goto(deployment.get_absolute_url())

    fresh, left = own_page.locator("#fresh"), own_page.locator("#header [data-eta]")
    expect(fresh).to_contain_text("No worker has reported for")
    expect(left).to_have_text("no forecast while no worker is running")
    own_page.reload()  # the server renders the same text
    expect(fresh).to_contain_text("No worker has reported for")
    expect(own_page.locator("#deployment .slow")).to_have_count(0)
    expect(own_page.locator("#header")).not_to_contain_text("longer")

    os.kill(portal.worker.process.pid, signal.SIGCONT)
    expect(own_page.locator("#end-title")).to_contain_text("created")
    expect(fresh).to_have_text("final")
