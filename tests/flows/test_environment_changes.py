"""The environment's page while servers are replaced, the database fails over, and a script updates it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.deployed import PACE, SOON, Deployed
from tests.flows.updated_by_script import a_script_updates_the_playbook_while_a_client_writes
from tests.services import wait_until

pytestmark = pytest.mark.timeout(600)
SLOWLY = 3.0
HELD = 40.0
"""The time scale while a server drains, until the page has displayed it."""


def test_the_page_displays_replaced_servers_a_failover_and_an_update_by_a_script(
    deployed: Deployed, tmp_path: Path
) -> None:
    """The changes run one after another in one environment."""
    a_failover_swaps_the_roles(deployed)
    a_server_that_is_terminated_is_drained_replaced_and_configured(deployed)
    a_server_that_was_killed_is_replaced_and_configured(deployed)
    while_both_web_servers_are_replaced_the_environment_is_unhealthy(deployed)
    a_script_updates_the_playbook_while_a_client_writes(deployed, tmp_path / "newer")


def a_failover_swaps_the_roles(deployed: Deployed) -> None:
    rows = deployed.tab("database").locator("#database tbody tr")
    expect(rows).to_have_count(2)
    writer, reader = (rows.nth(number).get_attribute("id") for number in (0, 1))
    expect(rows.first).to_contain_text("Writer")
    deployed.environment.refresh_from_db()

    deployed.aws("rds").failover_db_cluster(
        DBClusterIdentifier=deployed.environment.outputs["DatabaseClusterId"]
    )

    expect(rows.first).to_have_id(str(reader), timeout=SOON)
    expect(rows.first).to_contain_text("Writer")
    expect(rows.nth(1)).to_have_id(str(writer))
    expect(rows.nth(1)).to_contain_text("Reader")
    expect(deployed.box("Writer")).to_have_attribute("href", f"database#{reader}")
    expect(deployed.box("Reader")).to_have_attribute("href", f"database#{writer}")
    wait_until(lambda: databases(deployed) == {"available"}, what="the end of the failover")
    deployed.is_well()


def databases(deployed: Deployed) -> set[str]:
    """Return the statuses of the cluster and its instances."""
    rds = deployed.aws("rds")
    clusters, instances = rds.describe_db_clusters()["DBClusters"], rds.describe_db_instances()["DBInstances"]
    return {one["Status"] for one in clusters} | {one["DBInstanceStatus"] for one in instances}


def a_server_that_is_terminated_is_drained_replaced_and_configured(deployed: Deployed) -> None:
    page = deployed.tab("servers")
    before = deployed.servers("uwsgi")
    gone = before[0]
    deployed.pace(HELD)

    deployed.aws("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=gone, ShouldDecrementDesiredCapacity=False
    )

    row = deployed.target("app", gone)
    expect(row).to_contain_text("Draining", timeout=SOON)
    expect(row).to_contain_text("it is being deregistered and receives no new requests")
    expect(row).to_contain_text("Terminating")
    expect(deployed.tier("App servers")).to_contain_text("1 of 2")
    activities = page.locator(".activities li")
    expect(activities.filter(has_text=f"Terminating EC2 instance: {gone}")).to_contain_text("Waiting for ELB")

    deployed.pace(PACE)

    new = replacement(deployed, before)
    launched = activities.filter(has_text=f"Launching a new EC2 instance: {new}")
    expect(launched).to_have_count(1, timeout=SOON)
    is_in_service(deployed, "app", gone, new)
    expect(launched).to_contain_text("Succeeded")
    expect(activities.filter(has_text=f"Terminating EC2 instance: {gone}")).to_contain_text("Succeeded")


def a_server_that_was_killed_is_replaced_and_configured(deployed: Deployed) -> None:
    before = deployed.servers("httpd")
    gone = before[0]

    deployed.act(gone, "kill")

    expect(deployed.tab("servers").locator(".activities")).to_contain_text(gone, timeout=SOON)
    is_in_service(deployed, "web", gone, replacement(deployed, before))


def while_both_web_servers_are_replaced_the_environment_is_unhealthy(deployed: Deployed) -> None:
    before = deployed.servers("httpd")

    deployed.pace(SLOWLY)
    for one in before:
        deployed.act(one, "kill")

    expect(deployed.page.locator("#state")).to_contain_text("Unhealthy", timeout=SOON)
    old = f"({'|'.join(before)})"
    text = re.compile(f"No web server is in service; State Manager is configuring i-.+ in place of {old}")
    expect(deployed.health).to_contain_text(text, timeout=SOON)
    expect(deployed.page.locator("#state")).to_contain_text("Unhealthy", timeout=SOON)
    expect(deployed.box("ALB")).to_contain_text("Unhealthy")
    deployed.pace(PACE)
    deployed.is_well()


def replacement(deployed: Deployed, before: list[str]) -> str:
    """Wait until these servers' Auto Scaling group has launched another server, and return its ID."""
    groups = deployed.aws("autoscaling")
    found: set[str] = set()

    def launched() -> bool:
        for group in groups.describe_auto_scaling_groups()["AutoScalingGroups"]:
            members = {one["InstanceId"] for one in group["Instances"]}
            if members & set(before):
                found.update(members - set(before))
        return bool(found)

    wait_until(launched, what="a replacement")
    return found.pop()


def is_in_service(deployed: Deployed, tier: str, gone: str, new: str) -> None:
    """Expect a successful run and a healthy target for the new server, and the old server to be gone."""
    expect(deployed.target(tier, new)).to_contain_text("In service", timeout=SOON)
    run = deployed.panel(tier).locator("tbody tr").filter(has_text=new)
    expect(run).to_contain_text("Succeeded", timeout=SOON)
    expect(deployed.target(tier, new)).to_contain_text("Healthy", timeout=SOON)
    expect(deployed.box(new)).to_contain_text("Healthy")
    expect(deployed.target(tier, gone)).to_have_count(0, timeout=SOON)
    expect(deployed.panel(tier)).not_to_contain_text(gone)
    deployed.is_well()
